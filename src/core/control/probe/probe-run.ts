import type { ServiceLoad } from '../../load/index.ts';
import type { Endpoint } from '../../topology/index.ts';
import type { ServiceDecision } from '../../weights/index.ts';
import { endAtMs, factorAt, type Perturbation } from '../perturbation.ts';
import { measureProbe, type ProbeMeasure, type ProbeMoment } from './measure.ts';
import type { ProbePlan } from './plan-probe.ts';

/** What was issued is watched for so long before the step and after its end. */
export const WATCH_MS = 5_000;

/** One tick of a probe, for who waits for it. */
export type ProbeProgress = {
  readonly atMs: number;
  readonly factor: number;
  readonly weight: number;
  /** Of the requests since the tick before; undefined when there were none. */
  readonly issuedShare: number | undefined;
};

export type ProbeStep =
  | { readonly kind: 'Going'; readonly progress: ProbeProgress }
  /** `measure` is undefined when nothing can be told. */
  | { readonly kind: 'Ended'; readonly measure: ProbeMeasure | undefined }
  | { readonly kind: 'Aborted'; readonly reason: string };

/** One probe from tick to tick: what it sees, and whether what happens around it lets it go on. */
export class ProbeRun {
  readonly perturbation: Perturbation;
  readonly #leastRequest: boolean;
  readonly #members: string;
  readonly #moments: ProbeMoment[] = [];

  constructor(perturbation: Perturbation, plan: ProbePlan, members: readonly Endpoint[]) {
    this.perturbation = perturbation;
    this.#leastRequest = plan.leastRequest;
    this.#members = textOf(members);
  }

  get endAtMs(): number {
    return endAtMs(this.perturbation) + WATCH_MS;
  }

  take(tick: {
    readonly nowMs: number;
    readonly decision: ServiceDecision | undefined;
    readonly endpoints: readonly Endpoint[];
    readonly load: ServiceLoad | undefined;
    readonly moving: boolean;
    readonly active: boolean;
  }): ProbeStep {
    const { nowMs, decision, endpoints, load, moving, active } = tick;
    const { endpoint } = this.perturbation;
    const aborted = (reason: string): ProbeStep => ({ kind: 'Aborted', reason });
    const target = decision?.endpoints.find(({ id }) => id === endpoint);
    const belief = load?.endpoints.find(({ id }) => id === endpoint);
    if (decision === undefined || load === undefined || target === undefined || belief === undefined)
      return aborted('the endpoint is not there any more');
    const drains = decision.endpoints.some(({ health }) => health === 'Draining');
    if (drains || textOf(endpoints) !== this.#members) return aborted('endpoints of the service came, went or drain');
    if (!active) return aborted('the policy does not send computed weights any more');
    if (moving) return aborted('shares of the service are on their way, by themselves');
    if (load.loadReports === 'Silent') return aborted('no sidecar reports what it issues any more');
    const all = load.endpoints.reduce((sum, one) => sum + one.issued, 0);
    const { issued } = belief;
    const others = decision.endpoints.reduce((sum, { id, weight }) => sum + (id === endpoint ? 0 : weight), 0);
    const logOdds = Math.log(target.weight / others);
    this.#moments.push({ atMs: nowMs, issued, all, logOdds, inFlightPerSidecar: belief.inFlightPerSidecar });
    if (nowMs >= this.endAtMs) return { kind: 'Ended', measure: measureProbe(this.#moments, this.#leastRequest) };
    const factor = factorAt(this.perturbation, nowMs);
    const issuedShare = all === 0 ? undefined : issued / all;
    return { kind: 'Going', progress: { atMs: nowMs, factor, weight: target.weight, issuedShare } };
  }
}

function textOf(endpoints: readonly Endpoint[]): string {
  return endpoints.map(({ id, lifecycle }) => `${id} ${lifecycle}`).join('\n');
}
