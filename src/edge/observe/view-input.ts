import { own } from '../../base/units/index.ts';
import type { Counterfactual, LoopDelay, Plan } from '../../core/control/index.ts';
import type { FailoverState } from '../../core/failover/index.ts';
import type { EndpointLoad, ServiceLoad, SignalBelief } from '../../core/load/index.ts';
import type { OverloadState } from '../../core/overload/index.ts';
import type { ModelService } from '../../core/policy/index.ts';
import type { Endpoint, EndpointId, SourceHealth } from '../../core/topology/index.ts';
import type { WarmthState } from '../../core/warmth/index.ts';
import type { EndpointDecision, ServiceDecision } from '../../core/weights/index.ts';
import type { ZoneState } from '../../core/zones/index.ts';
import type { OperationView } from './operation-view.ts';
import type { ProbeView } from './probe-view.ts';
import type { EndpointState, NodeView, PolicyView, TlsView } from './server-view.ts';

/** Everything that the views are made of, at one instant. */
export type ViewInput = {
  readonly version: string;
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly tick: number;
  /** Undefined until the first plan; the views are then empty, not wrong. */
  readonly plan: Plan | undefined;
  /** By service name. */
  readonly loads: Readonly<Record<string, ServiceLoad>>;
  /** By service name; absent before the first tick. */
  readonly overload?: Readonly<Record<string, OverloadState>> | undefined;
  /** Of services with tiers. */
  readonly failover?: Readonly<Record<string, FailoverState>> | undefined;
  /** Of services with pools that are kept warm. */
  readonly warmth?: Readonly<Record<string, WarmthState>> | undefined;
  /** Of services that prefer the same zone. */
  readonly zones?: Readonly<Record<string, ZoneState>> | undefined;
  readonly nodes: readonly NodeView[];
  readonly sources: readonly SourceHealth[];
  readonly policy: PolicyView;
  /** Absent without TLS. */
  readonly tls?: TlsView | undefined;
  readonly issuedShares: Readonly<Record<EndpointId, number>>;
  /** Why each endpoint of a service has its weight, in a sentence. */
  readonly reasons?: (service: string) => ReadonlyMap<EndpointId, string>;
  /** What to know of the beliefs about each endpoint of a service, in words. */
  readonly notes?: (service: string) => ReadonlyMap<EndpointId, readonly string[]>;
  /** How even the load of a service is, and would be with the weights as computed. */
  readonly evenness?: (service: string) => Evenness;
  /** Parts of the delay of a service's loop, in seconds, as far as they are measured. */
  readonly loopDelay?: (service: string) => LoopDelay & { readonly picksSec?: number };
  /** The probe of a service that is under way. */
  readonly probe?: (service: string) => ProbeView | undefined;
  /** What operators do by hand now; absent: nothing. */
  readonly operations?: readonly OperationView[];
  /** Age in milliseconds by endpoint and kind of signal (`engine`, `gpu`, `reports`). */
  readonly signalAgesMs?: Readonly<Record<EndpointId, Readonly<Record<string, number>>>>;
  /** What is made of each signal, by endpoint. */
  readonly signals?: Readonly<Record<EndpointId, readonly SignalBelief[]>>;
};

export type Evenness = {
  readonly imbalance: number | undefined;
  readonly counterfactual: Counterfactual | undefined;
};

/** What the rooms know about one endpoint, joined by its id. */
export type EndpointRow = {
  readonly endpoint: Endpoint;
  readonly decision: EndpointDecision | undefined;
  readonly load: EndpointLoad | undefined;
  readonly state: EndpointState;
  /** Why it has the weight that it has: one sentence for a person. */
  readonly reason: string;
};

const UNDECIDED_REASON = 'not decided yet';

/**
 * Joins the endpoints of a service with what was decided and believed about them. Names come from policy text, so every
 * lookup asks for an own property: a service called `constructor` has no decision, not a function.
 */
export function endpointRows(input: ViewInput, service: ModelService): readonly EndpointRow[] {
  const decision = decisionOf(input, service.name);
  const decisions = new Map(decision?.endpoints.map((one) => [one.id, one]));
  const load = loadOf(input, service.name);
  const reasons = input.reasons?.(service.name);
  const loads = new Map(load?.endpoints.map((endpoint) => [endpoint.id, endpoint]));
  return (own(input.plan?.endpoints, service.name) ?? []).map((endpoint) => {
    const row = { endpoint, decision: decisions.get(endpoint.id), load: loads.get(endpoint.id) };
    return {
      ...row,
      state: stateOf(row, load?.loadReports ?? 'Silent', service.loadBalancer.warmupMs),
      reason: reasons?.get(endpoint.id) ?? UNDECIDED_REASON,
    };
  });
}

export function decisionOf(input: ViewInput, service: string): ServiceDecision | undefined {
  return own(input.plan?.decisions, service);
}

export function loadOf(input: ViewInput, service: string): ServiceLoad | undefined {
  return own(input.loads, service);
}

/** JSON has no NaN and no Infinity: what is not a finite number is unknown. */
export function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

function stateOf(
  row: Omit<EndpointRow, 'state' | 'reason'>,
  loadReports: ServiceLoad['loadReports'],
  warmupMs: number,
): EndpointState {
  if (row.endpoint.lifecycle === 'Draining' || row.decision?.health === 'Draining') return 'Draining';
  if (row.load === undefined) return 'Stale';
  if (row.load.bad) return 'Bad';
  if (row.load.engine !== 'Fresh' && loadReports === 'Silent') return 'Stale';
  if (row.load.waiting1st) return 'WarmingUp';
  if (row.load.rampAgeSec !== undefined && row.load.rampAgeSec * 1000 < warmupMs) return 'WarmingUp';
  return 'Active';
}
