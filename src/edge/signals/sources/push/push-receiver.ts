import type { Policy } from '../../../../core/policy/index.ts';
import {
  type Endpoint,
  hostPort,
  type Sample,
  type SourceHealth,
  type Subject,
} from '../../../../core/topology/index.ts';
import { oneLine } from '../../one-line.ts';
import type { SignalLog } from '../../schedule.ts';
import { DelayMeter } from './delay-meter.ts';
import { type Lease, LeaseBook, type Speaker } from './lease-book.ts';
import { rangeFault } from './metric-range.ts';
import { type Place, Places } from './places.ts';
import type { Push, PushAnswer, PushedMetric, PushOpened, PushRefusal, PushReport, PushStream } from './push.ts';
import { SilenceBook } from './silence-book.ts';

/** What happened, for `/metrics`. */
export interface PushMeter {
  streams(open: number): void;
  taken(values: number): void;
  refused(reason: PushRefusal['reason']): void;
  leaseOver(): void;
  tookOver(): void;
}

export type PushReceiverOptions = {
  readonly clock: () => number;
  readonly log: SignalLog;
  readonly meter: PushMeter;
  readonly maxStreams?: number;
};

/** One agent per machine, of a large fleet. */
const MAX_STREAMS = 2048;
/** Devices and engines of one machine, cut into their parts. */
const MAX_LEASES_OF_ONE = 256;
const MAX_REFUSALS = 64;
const MAX_PROBLEMS = 16;
/** Several ticks of a large fleet; a control loop that stands still must not eat the memory. */
const MAX_PENDING_SAMPLES = 200_000;
const MAX_NAME = 100;

type Voice = Speaker & {
  ended: boolean;
  problems: readonly string[];
  readonly delay: DelayMeter;
  readonly mayFor: (service: string) => boolean;
};

/**
 * What agents push, until the next tick takes it. It checks who is spoken for, what can be true and how old it is, and
 * decides nothing on it. Silence is the point: each lease that ends makes its values unknown, and is said.
 */
export class PushReceiver {
  readonly #options: PushReceiverOptions;
  readonly #leases = new LeaseBook();
  readonly #silences = new SilenceBook();
  readonly #voices = new Set<Voice>();
  #places: Places | undefined;
  #pending: Sample[] = [];
  #order = 0;

  constructor(options: PushReceiverOptions) {
    this.#options = options;
  }

  /** Whom agents may speak for from now on. Streams stay; what they said of others is dropped. */
  configure(policy: Policy, endpoints: readonly Endpoint[]): void {
    const places = new Places(policy, endpoints);
    this.#places = places;
    this.#leases.retain((id) => places.byId(id) !== undefined);
    this.#silences.configure(places.all, this.#options.clock());
  }

  /** `mayFor` is asked for each report: what an agent says of another service's servers is refused. */
  open(agent: string, mayFor: (service: string) => boolean = () => true): PushOpened {
    const max = this.#options.maxStreams ?? MAX_STREAMS;
    if (this.#voices.size >= max) return { ok: false, message: `${max} agents are connected already` };
    this.#order += 1;
    const name = oneLine(agent, MAX_NAME);
    const voice: Voice = {
      agent: name,
      order: this.#order,
      ended: false,
      problems: [],
      delay: new DelayMeter(),
      mayFor,
    };
    this.#voices.add(voice);
    this.#options.meter.streams(this.#voices.size);
    this.#options.log.info({ source: `push ${name}` }, 'agent connected');
    const stream: PushStream = { take: (push) => this.#take(voice, push), end: () => this.#end(voice) };
    return { ok: true, stream };
  }

  /** Empties what has come since the last call. */
  take(): readonly Sample[] {
    this.#expire();
    const samples = this.#pending;
    this.#pending = [];
    return samples;
  }

  /** One entry for each endpoint that agents may speak for. */
  health(): readonly SourceHealth[] {
    this.#expire();
    const problems = new Map<string, string>();
    for (const { endpoint, speaker } of this.#leases.all) {
      const [problem] = (speaker as Voice).problems;
      if (problem !== undefined) problems.set(endpoint, `${speaker.agent}: ${problem}`);
    }
    return this.#silences.health(problems, this.#options.clock());
  }

  #end(voice: Voice): void {
    if (voice.ended) return;
    voice.ended = true;
    this.#voices.delete(voice);
    this.#options.meter.streams(this.#voices.size);
    this.#options.log.info({ source: `push ${voice.agent}` }, 'agent disconnected');
  }

  #take(voice: Voice, push: Push): PushAnswer {
    const nowMs = this.#options.clock();
    const sentAtMs = nowMs - voice.delay.extraMs(push.uptimeMs, nowMs);
    this.#hearProblems(
      voice,
      push.problems.slice(0, MAX_PROBLEMS).map((text) => oneLine(text)),
    );
    const refusals: PushRefusal[] = [];
    const refuse = (subject: Subject, reason: PushRefusal['reason'], message: string, metric?: string): void => {
      this.#options.meter.refused(reason);
      if (refusals.length >= MAX_REFUSALS) return;
      refusals.push({ subject, reason, message, ...(metric === undefined ? {} : { metric }) });
    };
    let leaseMs: number | undefined;
    for (const report of push.reports) {
      const lease = this.#leaseFor(voice, report, sentAtMs, nowMs, refuse);
      if (lease === undefined) continue;
      const taken = this.#takeReport(voice, report, lease, sentAtMs - report.ageMs, refuse);
      if (taken > 0) leaseMs = Math.min(leaseMs ?? lease.leaseMs, lease.leaseMs);
    }
    return { leaseMs, refusals };
  }

  #leaseFor(voice: Voice, report: PushReport, sentAtMs: number, nowMs: number, refuse: Refuse): Lease | undefined {
    const { subject, ageMs } = report;
    const place = this.#places?.find(subject) ?? 'NoEndpoint';
    if (place === 'NoEndpoint') {
      refuse(subject, place, 'no endpoint of the policy is meant, or more than one');
      return undefined;
    }
    if (place === 'NotAllowed') {
      refuse(subject, place, 'the policy of its pool has no signals.push');
      return undefined;
    }
    if (!voice.mayFor(place.endpoint.service)) {
      refuse(subject, 'NotAllowed', 'the access policy does not let this agent speak for its model service');
      return undefined;
    }
    if (!(ageMs >= 0 && nowMs - sentAtMs + ageMs <= place.leaseMs)) {
      refuse(subject, 'Age', `read ${(ageMs / 1000).toFixed(1)} s ago, where its lease is ${place.leaseMs / 1000} s`);
      return undefined;
    }
    const gpu = subject.gpu ?? '';
    const about = { endpoint: place.endpoint.id, gpu, leaseMs: place.leaseMs, speaker: voice };
    const { has, count } = this.#leases.of(about);
    if (!has && count >= MAX_LEASES_OF_ONE) {
      refuse(subject, 'Limit', `one agent speaks for at most ${MAX_LEASES_OF_ONE} engines and devices`);
      return undefined;
    }
    const granted = this.#leases.grant({ ...about, readAtMs: sentAtMs - ageMs }, nowMs);
    if (granted.kind === 'Superseded') {
      refuse(subject, 'Superseded', `agent ${granted.by.agent}, whose stream is newer, speaks for it`);
      return undefined;
    }
    if (granted.supersedes !== undefined) this.#tellTakeOver(granted.supersedes, voice, place, gpu);
    return granted.lease;
  }

  /** Returns how many values were taken. */
  #takeReport(voice: Voice, report: PushReport, lease: Lease, readAtMs: number, refuse: Refuse): number {
    const { address, port } = this.#places?.byId(lease.endpoint)?.endpoint as Endpoint;
    const before = this.#pending.length;
    const push = (metric: Sample['metric'], value: number, changedAtMs: number): void => {
      lease.values.set(metric, { value, changedAtMs });
      this.#pending.push({
        subject: { address, port, ...(lease.gpu === '' ? {} : { gpu: lease.gpu }) },
        metric,
        value,
        sampledAtMs: readAtMs,
        changedAtMs,
        source: `push ${voice.agent}`,
        leaseMs: lease.leaseMs,
        ...(lease.gpu === '' ? {} : { device: report.partitioned ? 'Partitioned' : 'Whole' }),
      });
    };
    for (const { metric, value, unchangedForMs } of report.readings) {
      const fault = faultOf(metric, value);
      if (fault !== undefined) {
        refuse(report.subject, fault.reason, fault.words, nameOf(metric));
        continue;
      }
      const held = lease.values.get(metric as Sample['metric']);
      const saidMs = readAtMs - Math.max(0, unchangedForMs);
      push(metric as Sample['metric'], value, held?.value === value ? Math.min(held.changedAtMs, saidMs) : saidMs);
    }
    for (const metric of report.unchanged) {
      const held = typeof metric === 'string' ? lease.values.get(metric) : undefined;
      if (held === undefined) refuse(report.subject, 'NotHeld', 'the server has no value of it', nameOf(metric));
      else push(metric as Sample['metric'], held.value, held.changedAtMs);
    }
    const taken = this.#pending.length - before;
    if (taken > 0) {
      lease.readAtMs = Math.max(lease.readAtMs, readAtMs);
      this.#silences.heard(lease.endpoint, lease.gpu, this.#options.clock());
      this.#options.meter.taken(taken);
    }
    if (this.#pending.length > MAX_PENDING_SAMPLES) this.#pending.splice(0, this.#pending.length - MAX_PENDING_SAMPLES);
    return taken;
  }

  #expire(): void {
    for (const { endpoint, gpu, speaker, leaseMs } of this.#leases.expire(this.#options.clock())) {
      const said = `${speaker.agent} is silent: its lease of ${leaseMs / 1000} s is over`;
      const words = this.#silences.silent(endpoint, gpu, said, this.#options.clock());
      this.#options.meter.leaseOver();
      this.#options.log.warn({ source: `push ${speaker.agent}`, endpoint, error: words }, 'pushed values are unknown');
    }
  }

  #hearProblems(voice: Voice, problems: readonly string[]): void {
    if (problems.join('\n') === voice.problems.join('\n')) return;
    voice.problems = problems;
    const fields = { source: `push ${voice.agent}`, error: problems.join('; ') };
    if (problems.length > 0) this.#options.log.warn(fields, 'agent cannot read something');
    else this.#options.log.info({ source: fields.source }, 'agent reads everything again');
  }

  #tellTakeOver(before: Speaker, now: Voice, { endpoint }: Place, gpu: string): void {
    // The same agent on a new stream, while the old one is not known to be broken, is nothing to tell.
    if (before.agent === now.agent) return;
    this.#options.meter.tookOver();
    const what = gpu === '' ? 'engine' : gpu;
    const fields = {
      source: `push ${now.agent}`,
      before: before.agent,
      what,
      endpoint: hostPort(endpoint.address, endpoint.port),
    };
    this.#options.log.warn(fields, 'two agents speak of the same thing: the newer stream is heard');
  }
}

type Refuse = (subject: Subject, reason: PushRefusal['reason'], message: string, metric?: string) => void;

function faultOf(
  metric: PushedMetric,
  value: number,
): { readonly reason: 'Metric' | 'Range'; readonly words: string } | undefined {
  if (typeof metric !== 'string') return { reason: 'Metric', words: 'is no metric that this server knows' };
  const words = rangeFault(metric, value);
  return words === undefined ? undefined : { reason: 'Range', words };
}

function nameOf(metric: PushedMetric): string {
  return typeof metric === 'string' ? metric : metric.unknown;
}
