import type { Degraded } from './ladder.ts';

/** What the ladder of a service remembers from tick to tick. Plain data: it is checkpointed as JSON. */
export type OverloadState = {
  /** Smoothed; null: unknown. */
  readonly saturation: number | null;
  /** What it is made of, or why it is unknown. */
  readonly words: string;
  /** For how long it has been unknown. */
  readonly unknownSec: number;
  /** From saturation at `enterAt` until it is below `leaveAt` with nothing left that is given up. */
  readonly active: boolean;
  /** What the law wants, from 0 to the reach of the ladder. */
  readonly effort: number;
  /** What sidecars were told: it moves in steps. */
  readonly sentEffort: number;
  /** Part of the offered load that passed after the last tick and after the one before it. */
  readonly passed: readonly [number, number];
  /** Smoothed alike: what passed, what was let in for it, and what was completed. */
  readonly passRatio: number;
  readonly admittedPerSec: number;
  readonly completedPerSec: number;
  /** Of the sidecars' own, at the last tick. */
  readonly inFlight: number;
  /** Of the ladder that the effort was on. */
  readonly order: string;
  /** Rungs in use, and how many there are. */
  readonly level: number;
  readonly rungs: number;
  /** By class, 1..100; classes of which nothing is shed are left out. */
  readonly percents: Readonly<Record<string, number>>;
  /** By class, of what is not shed. Absent in states of before there were any. */
  readonly degrades?: Readonly<Record<string, Degraded>>;
  /** The level that the timeline has last been told, and when it was told the last few. */
  readonly told: number;
  readonly toldAtMs: readonly number[];
};

export const INITIAL_OVERLOAD: OverloadState = {
  saturation: null,
  words: 'nothing is known yet',
  unknownSec: 0,
  active: false,
  effort: 0,
  sentEffort: 0,
  passed: [1, 1],
  passRatio: 1,
  admittedPerSec: 0,
  completedPerSec: 0,
  inFlight: 0,
  order: '',
  level: 0,
  rungs: 0,
  percents: {},
  degrades: {},
  told: 0,
  toldAtMs: [],
};
