import { type Random, seededRandom } from '../base/units/index.ts';
import type { Policy } from '../core/policy/index.ts';
import type { Endpoint, Sample, SourceHealth } from '../core/topology/index.ts';
import type { PushSeam } from '../edge/admin/index.ts';
import { staticEndpointSets } from '../edge/discovery/index.ts';
import type { Log, Metrics } from '../edge/observe/index.ts';
import type { OutboundGuard } from '../edge/outbound/index.ts';
import { type CollectReport, PushReceiver, SignalSchedule, targetsFromPolicy } from '../edge/signals/index.ts';

/** Label of the scrape metrics. */
const SCRAPE_KIND = {
  Engine: 'engine',
  EnginePrometheus: 'prometheus',
  EngineFile: 'file',
  Exporter: 'gpu',
  Prometheus: 'prometheus',
  File: 'file',
  NvidiaSmi: 'nvidia-smi',
} as const;

/**
 * What signals are read of while one policy stands and another is tried: the services and the endpoints of both. Where they differ
 * the stable one counts, because its weights are those of nearly everybody.
 */
export function sensed(
  stable: Policy,
  candidate: Policy | undefined,
): { readonly policy: Policy; readonly endpoints: readonly Endpoint[] } {
  const policies = candidate === undefined ? [stable] : [candidate, stable];
  const services = new Map(policies.flatMap((policy) => policy.services.map((one) => [one.name, one])));
  const sets = policies.flatMap((policy) => staticEndpointSets(policy));
  const endpoints = new Map(sets.flatMap((set) => set.endpoints.map((one) => [one.id, one])));
  return { policy: { ...stable, services: [...services.values()] }, endpoints: [...endpoints.values()] };
}

/** All ways by which signals come in: what the server reads itself, and what agents push to it. */
export class SignalInputs {
  readonly push: PushSeam;
  readonly #schedule: SignalSchedule;
  readonly #receiver: PushReceiver;
  readonly #metrics: Metrics;

  constructor(options: {
    readonly clock: () => number;
    readonly log: Log;
    readonly metrics: Metrics;
    readonly guard: OutboundGuard;
  }) {
    const { clock, log, metrics, guard } = options;
    const random: Random = seededRandom(process.pid);
    this.#metrics = metrics;
    this.#schedule = new SignalSchedule({
      clock,
      random,
      log,
      guard,
      onCollected: (report) => this.#collected(report),
    });
    this.#receiver = new PushReceiver({
      clock,
      log,
      meter: {
        streams: (open) => metrics.pushStreams(open),
        taken: (values) => metrics.pushTaken(values),
        refused: (reason) => metrics.pushRefused(reason),
        leaseOver: () => metrics.pushLeaseOver(),
        tookOver: () => metrics.pushTookOver(),
      },
    });
    this.push = this.#receiver;
  }

  configure(policy: Policy, endpoints: readonly Endpoint[]): void {
    this.#schedule.configure(targetsFromPolicy(policy, endpoints));
    this.#receiver.configure(policy, endpoints);
  }

  /** What has come since the last call. */
  take(): readonly Sample[] {
    return [...this.#schedule.take().samples, ...this.#receiver.take()];
  }

  health(): readonly SourceHealth[] {
    return [...this.#schedule.health(), ...this.#receiver.health()];
  }

  stop(): void {
    this.#schedule.stop();
  }

  #collected({ target, collected }: CollectReport): void {
    this.#metrics.scraped(SCRAPE_KIND[target.kind], collected.failure?.reason);
    if (collected.refusals.length > 0) this.#metrics.signalRefusals(collected.refusals.length);
  }
}
