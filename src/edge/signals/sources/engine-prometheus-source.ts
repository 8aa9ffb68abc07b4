import { hostPort, type Sample } from '../../../core/topology/index.ts';
import { engineFailure, namedFormat, readEnginePage } from '../engine-page.ts';
import type { EnginePages } from '../engine-pages.ts';
import type { EngineFormat } from '../formats/engine-format.ts';
import { oneLine } from '../one-line.ts';
import type { PrometheusFleet } from '../prometheus-fleet.ts';
import type { Refusal } from '../reading.ts';
import type { SeriesMemory } from '../series-memory.ts';
import { type Collected, type Failure, failed, type SignalSource } from '../signal-source.ts';
import type { EngineEndpoint, EnginePrometheusTarget } from '../target.ts';

/** What was heard of the pool, and why nothing was of the rest. */
type Heard = {
  readonly samples: Sample[];
  readonly refusals: Refusal[];
  readonly unknown: string[];
  readonly failures: { readonly of: string; readonly failure: Failure }[];
};

type FleetTimes = { readonly receivedAtMs: number; readonly offsetMs: number };

const MAX_NAMED = 8;
const MAX_REASONS = 3;

/**
 * Engine metrics of one pool from a Prometheus server: the page of each endpoint as it was scraped there, read as if it had
 * been scraped here. An endpoint of which the answer has no page gives nothing, and is named. While any endpoint of the pool
 * is heard the source is well: a server that is down is no reason to ask for the others less often.
 */
export class EnginePrometheusSource implements SignalSource {
  readonly #target: EnginePrometheusTarget;
  readonly #fleet: PrometheusFleet;
  readonly #memory: SeriesMemory;
  readonly #format: EngineFormat | undefined;

  constructor(target: EnginePrometheusTarget, fleet: PrometheusFleet) {
    this.#target = target;
    this.#fleet = fleet;
    this.#memory = fleet.memoryFor(`engines ${target.format ?? ''}`, target.source);
    this.#format = namedFormat(target.format);
  }

  async collect(nowMs: number, signal: AbortSignal): Promise<Collected> {
    const answer = await this.#fleet.ask('Engines', nowMs, signal);
    if (!answer.ok) return failed(answer.failure.reason, answer.failure.message);
    const heard: Heard = { samples: [], refusals: [], unknown: [], failures: [] };
    for (const endpoint of this.#target.endpoints) this.#hear(endpoint, answer.engines, answer, heard);
    const { samples, refusals, unknown, failures } = heard;
    const silent = this.#silentWords(heard);
    const told = { samples, refusals, badLines: answer.badElements };
    if (unknown.length + failures.length === this.#target.endpoints.length) {
      const message = unknown.length === 0 ? silent : `${silent}${strangers(answer.engines)}`;
      return { ...told, failure: { reason: failures[0]?.failure.reason ?? 'NoMetrics', message } };
    }
    const warning = answer.warning === undefined ? '' : `warns: ${answer.warning}`;
    const note = [warning, silent].filter((words) => words !== '').join('; ');
    return { ...told, ...(note === '' ? {} : { note }) };
  }

  #hear(endpoint: EngineEndpoint, engines: EnginePages, { receivedAtMs, offsetMs }: FleetTimes, heard: Heard): void {
    const { subject } = endpoint;
    const of = hostPort(subject.address, subject.port);
    const found = engines.find(endpoint, this.#format);
    if (found.kind === 'Unknown') {
      heard.unknown.push(of);
      return;
    }
    if (found.kind === 'Ambiguous') {
      const message = `its pod has several engines (${listed(found.instances.map(shown))}): engine.port says which`;
      heard.failures.push({ of, failure: { reason: 'NoMetrics', message } });
      return;
    }
    const result = readEnginePage(found.page.series, found.format);
    const failure = engineFailure(result, this.#format);
    if (failure !== undefined) heard.failures.push({ of, failure });
    for (const { name, words } of result.refusals) heard.refusals.push({ name, words: `of ${of} ${words}` });
    for (const reading of [...result.readings, ...(result.conflicts ?? [])]) {
      const sample = this.#memory.sample(reading, subject, receivedAtMs, offsetMs);
      if (sample !== undefined) heard.samples.push(sample);
    }
  }

  /** Which endpoints are silent, and why; '' when none is. */
  #silentWords({ unknown, failures }: Heard): string {
    const whose = this.#format === undefined ? 'engine metric' : `metric of ${this.#format.title}`;
    const reasons = failures.map(({ of, failure }) => `of ${of}: ${failure.message}`);
    return [
      ...(unknown.length === 0 ? [] : [`knows no ${whose} of ${listed(unknown)}`]),
      ...(reasons.length === 0 ? [] : [listed(reasons, MAX_REASONS)]),
    ].join('; ');
  }
}

/** What the engines that it knows are called, for whoever asks why none of them is an endpoint. */
function strangers({ all }: EnginePages): string {
  const names = new Set(all.flatMap(({ instance, format }) => (format === undefined ? [] : [instance])));
  return names.size === 0 ? '' : `; its engines have the instances ${listed([...names].map(shown))}`;
}

function shown(instance: string): string {
  return oneLine(instance, 60) || '(none)';
}

function listed(words: readonly string[], most: number = MAX_NAMED): string {
  const more = words.length - most;
  return more > 0 ? `${words.slice(0, most).join(', ')} and ${more} more` : words.join(', ');
}
