import type { Counterfactual } from '../../core/control/index.ts';
import type { CapacitySource, Freshness, SignalState } from '../../core/load/index.ts';
import type { EndpointId } from '../../core/topology/index.ts';
import type { Outcome, Terms } from '../../core/weights/index.ts';
import type { FailoverView } from './failover-view.ts';
import type { OperationView } from './operation-view.ts';
import type { ProbeView } from './probe-view.ts';
import type { EndpointState } from './server-view.ts';
import type { ZonesView } from './zones-view.ts';

/** What is asked about: a service, one of its pools, or one endpoint (`address:port`) of a pool. */
export type ExplainTarget = { readonly service: string; readonly pool?: string; readonly endpoint?: string };

/** What is believed about one endpoint, with what the belief stands on. `null` means unknown. */
export type BeliefView = {
  readonly inFlight: number;
  readonly inFlightPerSidecar: number;
  readonly foreign: number;
  readonly slots: number;
  readonly slotsKnown: boolean;
  /** Natural log of learned relative capacity; 0 is the mean of the service. */
  readonly logCapacity: number;
  readonly capacitySource: CapacitySource;
  /** Freshness of the engine's metrics. */
  readonly freshness: Freshness;
  /** Whether GPU utilisation may count. */
  readonly gate: 'Open' | 'Closed' | 'Absent';
  readonly gpuUtilRatio: number | null;
  readonly kvUsageRatio: number | null;
  readonly running: number | null;
  readonly waiting: number | null;
  readonly pressure: number;
  readonly errorsPerSec: number;
  readonly errorRatio: number;
  readonly bad: boolean;
  readonly waitingForFirst: boolean;
  readonly rampAgeSec: number | null;
  readonly ageMs: number | null;
  readonly notes: readonly string[];
  /** What is made of each signal; `why` is '' where the state says it all. */
  readonly signals: readonly SignalView[];
};

export type SignalView = { readonly signal: string; readonly state: SignalState; readonly why: string };

export type EndpointExplanation = {
  readonly id: EndpointId;
  readonly pool: string;
  readonly address: string;
  readonly port: number;
  readonly state: EndpointState;
  readonly previousWeight: number;
  readonly weight: number;
  /** With `weights: Shadow`, or `blendRatio` below 1: as computed; all of it would send that. */
  readonly shadowWeight: number | null;
  readonly share: number;
  readonly issuedShare: number | null;
  readonly reason: string;
  /** Natural logs that add up to the target, before limits; `null` until the first decision. */
  readonly terms: Terms | null;
  readonly clamps: readonly string[];
  readonly belief: BeliefView | null;
};

/** How fast the loop of a service is, and how hard it steers. Parts of the delay are seconds; `null`: not measured yet. */
export type LoopView = {
  /** [K], the damping included. */
  readonly gain: number;
  /** Factor on the gain, below 1 after weights and requests in flight were seen to chase each other. */
  readonly damping: number;
  readonly herdAtMs: number | null;
  /** What the gain counts with. */
  readonly delaySec: number;
  readonly reportsSec: number | null;
  readonly ackSec: number | null;
  /** From changed weights to changed requests, over past shifts. */
  readonly picksSec: number | null;
};

/** Why each weight of a service is what it is. */
export type ExplainView = {
  readonly service: string;
  readonly outcome: Outcome | 'Undecided';
  readonly equal: boolean;
  readonly nowMs: number;
  readonly decidedAtMs: number | null;
  readonly sidecars: number;
  readonly loadReports: 'Fresh' | 'Silent';
  readonly requestTimeSec: number | null;
  readonly meanInFlightPerSidecar: number | null;
  readonly goodPressure: number | null;
  /** Largest in flight per slot over the mean, as it is: 1 is even. */
  readonly imbalance: number | null;
  /** What the computed weights would do, where they are not what is sent; `null` where they are, or nobody reports. */
  readonly counterfactual: Counterfactual | null;
  /** `null` before the first decision. */
  readonly loop: LoopView | null;
  /** What operators do to the service by hand now. */
  readonly operations: readonly OperationView[];
  /** `null` for a service without tiers. */
  readonly failover: FailoverView | null;
  /** `null` for a service that prefers no zone. */
  readonly zones: ZonesView | null;
  /** `null` while none runs. */
  readonly probe: ProbeView | null;
  readonly endpoints: readonly EndpointExplanation[];
};
