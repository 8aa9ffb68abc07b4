import type { EndpointId } from '../topology/index.ts';
import type { HerdState } from './herd.ts';

/** What the decisions of one service remember. Plain data: it is checkpointed as JSON. */
export type WeightsState = {
  readonly version: 1;
  readonly startedAtMs: number;
  readonly atMs: number;
  readonly decidedAtMs: number;
  readonly lastPushMs: number;
  /** [snapped] The weights that stand are exactly equal because deviations were noise. */
  readonly snapped: boolean;
  /** Since when nothing is known at all; null while something is. */
  readonly blindSinceMs: number | null;
  /** Part of the computed weights that is sent, 0..1; absent in states of before there was one: as the policy says. */
  readonly blend?: number;
  /** How many weights the last tick decided: to notice who left without a walk over all that is remembered. */
  readonly active?: number;
  /** Absent in states of before there was one. */
  readonly herd?: HerdState;
  readonly endpoints: Readonly<Record<EndpointId, WeightMemory>>;
};

export type WeightMemory = {
  /** [e] filtered deviation of log pressure. */
  readonly deviation: number;
  /** [sent] log weight that stands, relative to the mean, and its share. */
  readonly sent: number;
  readonly shareSent: number;
  /** The integer that stands, as computed. */
  readonly weight: number;
  /** The integer that was sent, where only a part of the weights is. */
  readonly sentWeight?: number;
  /** The integer without the short-term terms: what is left behind on shutdown. */
  readonly resting: number;
  /** It drained at the last tick: if it comes back, nothing that is remembered here stands any more. */
  readonly draining?: boolean;
};
