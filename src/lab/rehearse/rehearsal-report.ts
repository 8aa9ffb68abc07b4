import type { Arm, Outcome, Paired, Shift } from '../simulate/index.ts';
import type { Rehearsal } from './plan-rehearsal.ts';
import type { Verdict } from './verdict.ts';

export type ShareReport = {
  /** `pool` or `pool/address:port`. */
  readonly name: string;
  /** Of the requests that are counted, 0..1. */
  readonly share: number;
  /** Of its own requests. */
  readonly goodput: number;
  readonly errors: number;
};

/** One arm; means are over the seeds. */
export type ArmReport = {
  readonly arm: Arm;
  readonly mean: Outcome;
  /** In the order of the seeds. */
  readonly runs: readonly Outcome[];
  readonly pools: readonly ShareReport[];
  readonly endpoints: readonly ShareReport[];
  /** In the order of the steps. */
  readonly shifts: readonly Shift[];
};

/** When the fair share of an endpoint changes. */
export type StepReport = {
  readonly endpoint: string;
  readonly atMs: number;
  readonly untilMs: number;
  readonly fairBefore: number;
  readonly fairAfter: number;
};

/** Loadline minus the other arm on the same requests; undefined where something never came. */
export type Difference = {
  readonly than: Arm;
  /** In points: of a hundred requests. */
  readonly goodput: Paired;
  readonly ttftP99Ms: Paired | undefined;
  readonly endToEndP99Ms: Paired | undefined;
  readonly errors: Paired;
  readonly imbalance: Paired;
};

/** What `--output json` prints: times in milliseconds, shares 0..1, and null for what never came. */
export type RehearsalReport = {
  readonly service: string;
  readonly revision: string;
  readonly loadBalancer: { readonly type: string; readonly weights: string; readonly blendRatio: number };
  readonly traffic: Rehearsal['traffic'];
  readonly sidecars: number;
  readonly workers: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
  readonly slo: { readonly ttftMs: number; readonly tpotMs: number };
  readonly seeds: readonly number[];
  readonly servers: readonly {
    readonly name: string;
    readonly profile: string;
    readonly slots: number;
    readonly speed: number;
    readonly fullRatePerSec: number;
  }[];
  readonly faults: readonly string[];
  readonly steps: readonly StepReport[];
  readonly arms: readonly ArmReport[];
  readonly differences: readonly Difference[];
  readonly verdicts: readonly Verdict[];
  readonly notes: readonly string[];
};
