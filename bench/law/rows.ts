/**
 * What the study that chose the law expects of each scenario. Its simulator was another one: figures that depend on lengths and
 * rates that it does not tell are not compared, only who wins.
 */
export type Row = {
  readonly scenario: string;
  /** Share of requests that meet both promises with Loadline, in percent: at least. */
  readonly goodput?: number;
  /** Points more than least request on the same requests: at least, in the mean. */
  readonly gain?: number;
  /** At most. */
  readonly pushesPerMin?: number;
  readonly imbalance?: number;
  /** Of the first step, or with `back` of the second: seconds, at most. */
  readonly t50Sec?: number;
  readonly t90Sec?: number;
  readonly back?: boolean;
};

export const ROWS: readonly Row[] = [
  { scenario: 'homogeneous M4', gain: -0.05, pushesPerMin: 1 },
  { scenario: 'homogeneous M64', gain: -0.05, pushesPerMin: 6 },
  { scenario: 'live homogeneous M16', gain: -0.15, pushesPerMin: 1 },
  { scenario: 'thermal M16', t50Sec: 8, t90Sec: 13 },
  { scenario: 'thermal M64', goodput: 99.8, t50Sec: 8, t90Sec: 13 },
  { scenario: 'thermal M64, no engine', goodput: 99.8, t90Sec: 26 },
  { scenario: 'thermal M64, SM clock, no engine', goodput: 99.8, t90Sec: 12 },
  { scenario: 'thermal and back M64', back: true, t90Sec: 12 },
  { scenario: 'thermal and back M64, no engine', back: true, t90Sec: 30 },
  { scenario: 'live step M1', gain: -0.05 },
  { scenario: 'live step M4', gain: -0.05 },
  { scenario: 'live step M16', gain: 1 },
  { scenario: 'live speeds M16', goodput: 89.5 },
  { scenario: 'live widths M4', goodput: 99.8 },
  { scenario: 'live foreign M4', goodput: 99.6 },
  { scenario: 'live foreign M16', goodput: 99 },
  // The study had 92.6 -> 99.2 and failed below 98.8. Here the fleet has less to spare: who takes the server out with its first
  // error and back when it is well comes to 98.6 himself. So what is asked is the distance.
  { scenario: 'live sinkhole M4', gain: 6.2 },
  { scenario: 'speeds 1/.5 M16', goodput: 99.5 },
  { scenario: 'speeds 5.6x M64', goodput: 85.5 },
  { scenario: 'widths 24/64 M16', goodput: 99.2 },
  { scenario: 'KV 1/.4 M16', goodput: 99.3 },
  { scenario: 'widths unknown M16', goodput: 98.8 },
  { scenario: 'widths unknown, no engine M16', goodput: 98.5 },
  { scenario: 'widths unknown, GPU Honest, no engine M16', goodput: 98 },
  { scenario: 'widths unknown, GPU Noisy, no engine M16', goodput: 98 },
  { scenario: 'widths unknown, GPU Concave, no engine M16', goodput: 96 },
  { scenario: 'widths unknown, headers at once, no engine M16', goodput: 68 },
  { scenario: 'foreign load M16', goodput: 99.9, imbalance: 1.28 },
  { scenario: 'foreign load, GPU Honest, no engine M16', goodput: 99.6, imbalance: 1.45 },
  { scenario: 'GPUs half under-report as Whole, widths unknown, no engine M64', gain: -0.6 },
  { scenario: 'GPUs half under-report as Partitioned, widths unknown, no engine M64', gain: -0.05 },
  { scenario: 'false clock on four M16', gain: -0.1 },
  { scenario: 'false throttle on four M16', gain: -0.1 },
  { scenario: 'false throttle on four M16, no engine', gain: -0.1 },
  { scenario: 'thermal and back M64, throttle told, no engine', goodput: 99.8 },
  { scenario: 'sinkhole M16', gain: 9.5 },
  { scenario: 'overload M16', gain: -0.5 },
  { scenario: 'low rate M16', gain: 3 },
  { scenario: 'most exporters frozen, thermal M16', gain: -0.05 },
  { scenario: 'two servers, sinkhole, nothing to spare M4', gain: -12 },
];

/** Pairs that must be the same run: what the second adds says nothing, and must change nothing. */
export const SAME: readonly (readonly [string, string])[] = [
  ['widths unknown, headers at once, no engine M16', 'widths unknown, GPU Pinned, no engine M16'],
  ['widths unknown, headers at once, no engine M16', 'widths unknown, GPU Slow, no engine M16'],
];

/** Points that may be lost to least request before a significant loss counts; overload has no right answer. */
export const MAY_LOSE = 0.1;
export const MAY_LOSE_IN_OVERLOAD = 0.5;
/** Of pushes a minute in the mean of all scenarios. */
export const MOST_PUSHES_PER_MIN = 8;
