import type { EndpointId } from '../topology/index.ts';

/** Each term of the target, as natural logs, so that a person can see what moved a weight. */
export type Terms = {
  readonly capacity: number;
  /** How much fuller than others a fast server is kept. */
  readonly speed: number;
  readonly inFlight: number;
  readonly foreign: number;
  readonly health: number;
  readonly ramp: number;
  readonly feedForward: number;
};

export type EndpointDecision = {
  readonly id: EndpointId;
  /** Integer 1..1000; what is sent. Never 0: "none" is `Draining`. */
  readonly weight: number;
  readonly previousWeight: number;
  /** 0..1 target share of new requests over the service. */
  readonly share: number;
  /** The share that is aimed at, where the weights as computed are not, or only in part, sent. */
  readonly computedShare?: number;
  readonly health: 'Healthy' | 'Draining';
  readonly terms: Terms;
  /** Names of limits that held it back: `StepUp`, `StepDown`, `Floor`, `MaxWeightRatio`, `Clamp3`; `Probe`: moved by one; `Frozen`. */
  readonly clamps: readonly string[];
  /** What a probe does to its weight now, in words. */
  readonly probe?: string;
  /** What an operator does to it by hand, in words. */
  readonly operation?: string;
};

export type Outcome =
  | 'First' // the first weights of this service
  | 'Pushed' // new weights
  | 'SnappedEqual' // deviations are noise: exactly equal weights
  | 'HeldEqual' // equal and still noise
  | 'HeldDeadBand' // the change is smaller than the dead band
  | 'HeldSameVector' // the grid gives the same integers
  | 'HeldTooSoon' // the last push is younger than a tick
  | 'HeldNoSignal' // nothing is known: last weights stand
  | 'Single' // one endpoint: nothing to decide
  | 'Membership' // endpoints came or went
  | 'Shadow' // computed, not sent
  | 'Disabled' // equal by policy
  | 'Frozen'; // held by an operator

/** What the loop of one service was steered with. */
export type LoopTerms = {
  /** [K] as used, the damping included. */
  readonly gain: number;
  /** Factor on the gain, 1/8..1: below 1 after weights and in-flight were seen to chase each other. */
  readonly damping: number;
  /** [Dl] */
  readonly delaySec: number;
  /** When such a herd was seen last; null: never. */
  readonly herdAtMs: number | null;
};

export type ServiceDecision = {
  readonly service: string;
  readonly outcome: Outcome;
  readonly atMs: number;
  /** When the weights that stand were decided. */
  readonly decidedAtMs: number;
  readonly equal: boolean;
  readonly endpoints: readonly EndpointDecision[];
  /** Part of the computed weights that is sent, where that is not all of it; `Shadow` and `Disabled` send none. */
  readonly sentRatio?: number;
  /** With `Shadow`, or where only a part is sent: the weights as computed, which all of it would send. */
  readonly shadowWeights?: Readonly<Record<EndpointId, number>>;
  /** Absent in recordings of before it was told. */
  readonly loop?: LoopTerms;
  /** A probe moves weights at this tick. */
  readonly perturbed?: true;
};
