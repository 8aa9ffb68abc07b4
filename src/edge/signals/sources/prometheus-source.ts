import type { Sample, Subject } from '../../../core/topology/index.ts';
import type { Series } from '../exposition.ts';
import { type GpuLabels, gpuLabels } from '../gpu-labels.ts';
import { gpuReadings } from '../gpu-readings.ts';
import type { PageFetcher } from '../page-fetcher.ts';
import { PROMETHEUS_QUERIES, type QueryAnswer, readQueryAnswer } from '../prometheus-query.ts';
import type { Reading } from '../reading.ts';
import { SeriesMemory } from '../series-memory.ts';
import type { Collected, Failure, SignalSource } from '../signal-source.ts';
import type { PrometheusTarget } from '../targets.ts';

type Answer = Extract<QueryAnswer, { ok: true }> & { readonly receivedAtMs: number };

/**
 * GPU metrics of a whole pool from a Prometheus server. Samples are about pods, else nodes, else GPUs, as `joinBy` allows;
 * what is absent in the answer gives nothing. Ages are measured on Prometheus's own clock, so that a skew between its
 * clock and ours makes nothing look fresh or stale.
 */
export class PrometheusSource implements SignalSource {
  readonly #target: PrometheusTarget;
  readonly #fetcher: PageFetcher;
  readonly #memory: SeriesMemory;

  constructor(target: PrometheusTarget, fetcher: PageFetcher) {
    this.#target = target;
    this.#fetcher = fetcher;
    this.#memory = new SeriesMemory(target.source);
  }

  async collect(nowMs: number, signal: AbortSignal): Promise<Collected> {
    const answers: Answer[] = [];
    const failures: Failure[] = [];
    for (const answer of await Promise.all(PROMETHEUS_QUERIES.map((query) => this.#ask(query, nowMs, signal)))) {
      if ('failure' in answer) failures.push(answer.failure);
      else answers.push(answer);
    }
    const all = answers.flatMap(({ series }) => series);
    const clocks = answers.find(({ evaluatedAtMs }) => evaluatedAtMs !== undefined);
    const offsetMs = clocks === undefined ? 0 : clocks.receivedAtMs - (clocks.evaluatedAtMs as number);
    const receivedAtMs = Math.max(nowMs, ...answers.map((answer) => answer.receivedAtMs));

    const { readings, refusals } = gpuReadings(all, identifier(all, this.#target));
    const samples: Sample[] = [];
    for (const reading of readings) {
      const subject = subjectOf(reading, this.#target);
      const sample = this.#memory.sample(reading, subject, receivedAtMs, offsetMs);
      if (sample !== undefined) samples.push(sample);
    }
    const badElements = answers.reduce((sum, answer) => sum + answer.badElements, 0);
    const failure = failures[0] ?? failureOf(readings.length, refusals.length, all.length);
    const warning = answers.find((answer) => answer.warning !== undefined)?.warning;
    return {
      samples,
      refusals,
      badLines: badElements,
      ...(warning === undefined ? {} : { note: `warns: ${warning}` }),
      ...(failure === undefined ? {} : { failure }),
    };
  }

  async #ask(query: string, nowMs: number, signal: AbortSignal): Promise<Answer | { readonly failure: Failure }> {
    const base = this.#target.url;
    const url = `${base}${base.includes('?') ? '&' : '?'}query=${encodeURIComponent(query)}`;
    const page = await this.#fetcher.get({ url, accept: 'application/json', gzip: true }, signal);
    if (!page.ok) return page;
    const answer = readQueryAnswer(page.body.toString('utf8'));
    return answer.ok ? { ...answer, receivedAtMs: nowMs + page.tookMs } : answer;
  }
}

/**
 * Who a series is about. Where any series has `exported_pod`, Prometheus runs without `honor_labels`: plain `pod` is then
 * the exporter's. And where any GPU of a node belongs to a pod, those without one are idle and speak for nobody.
 */
function identifier(all: readonly Series[], target: PrometheusTarget): (series: Series) => GpuLabels | undefined {
  const exported = all.some(({ labels }) => labels.has('exported_pod'));
  const byPod = target.joinBy.includes('Pod');
  const nodesWithPods = new Set<string>();
  for (const series of all) {
    const read = gpuLabels(series, exported);
    if (read?.pod !== undefined && read.node !== undefined) nodesWithPods.add(read.node);
  }
  return (series) => {
    const read = gpuLabels(series, exported);
    if (read === undefined) return undefined;
    if (byPod && read.pod !== undefined) {
      const foreign =
        target.namespace !== undefined && read.namespace !== undefined && read.namespace !== target.namespace;
      return foreign ? undefined : read;
    }
    if (target.joinBy.includes('Node') && read.node !== undefined) {
      return byPod && nodesWithPods.has(read.node) ? undefined : read;
    }
    return target.joinBy.includes('Uuid') ? read : undefined;
  };
}

function subjectOf({ gpu, pod, node }: Reading, { joinBy }: PrometheusTarget): Subject {
  const device = gpu === undefined ? {} : { gpu };
  if (joinBy.includes('Pod') && pod !== undefined) return { pod, ...device };
  if (joinBy.includes('Node') && node !== undefined) return { node, ...device };
  return device;
}

function failureOf(readings: number, refusals: number, series: number): Failure | undefined {
  if (readings > 0) return undefined;
  if (refusals > 0) return { reason: 'Refused', message: 'every GPU metric was refused' };
  return {
    reason: 'NoMetrics',
    message: series === 0 ? 'knows no GPU metric' : 'its GPU metrics name no pod, node or GPU that can be joined',
  };
}
