/** What a sample is about: whatever its source knows. The join to endpoints is core/load's work. */
export type Subject = {
  readonly address?: string;
  /** The port on which the endpoint serves (not that of the exporter). */
  readonly port?: number;
  /** `GPU-…`, or `GPU-…/2` for MIG instance 2. */
  readonly gpu?: string;
  readonly pod?: string;
  readonly node?: string;
};

/** Normalised names. The unit is in the name; ratios are 0..1. A name ending in `Total` is a counter. */
export type Metric =
  | 'runningRequests'
  | 'waitingRequests'
  | 'kvUsageRatio'
  | 'maxRunningRequests'
  | 'promptTokensTotal'
  | 'generationTokensTotal'
  | 'timeToFirstTokenSecondsSum'
  | 'timeToFirstTokenSecondsCount'
  | 'processStartTimeSeconds'
  | 'gpuUtilRatio'
  | 'gpuEngineActiveRatio'
  | 'smActiveRatio'
  | 'dramActiveRatio'
  | 'smClockHertz'
  | 'powerWatts'
  | 'memoryUsedBytes'
  | 'memoryTotalBytes'
  /** Code of the last XID ever; 0 none. */
  | 'xidCode'
  /** Code of a fatal XID of the last minutes, from sources that count XIDs in a window; 0 none. */
  | 'recentXidCode'
  /** Share of the time in which heat or a power fault holds the clocks down. */
  | 'throttleRatio'
  | 'throttledSecondsTotal'
  /** Times that it began, within a window of minutes. */
  | 'recentThrottleCount';

export type Buckets = readonly (readonly [upToSec: number, count: number])[];

export type Sample = {
  readonly subject: Subject;
  readonly metric: Metric;
  readonly value: number;
  /** When the page that carried it had been fetched (the source's own time stamp where it has one). */
  readonly sampledAtMs: number;
  /** When the value last differed from its predecessor: a fresh copy of an old value is old. */
  readonly changedAtMs: number;
  /** For logs and explanations: `engine http://10.0.0.1:8000/metrics`. */
  readonly source: string;
  /** Longest time after `sampledAtMs` that the value may count as known, where its source gives one: a lease. */
  readonly leaseMs?: number;
  /**
   * Of a count that its source keeps as a histogram: how many of the counted were up to so many seconds, cumulative and by
   * rising bounds; what is above the last of them only `value` counts. Read only where a policy asks for it.
   */
  readonly buckets?: Buckets;
  /** `Partitioned` for MIG, MPS or time-sliced devices, whose utilisation does not speak for the endpoint. */
  readonly device?: 'Whole' | 'Partitioned';
};

/** The state of one source after a try: what `/metrics`, `status` and the log report. */
export type SourceHealth = {
  readonly source: string;
  readonly service: string;
  readonly pool: string;
  readonly lastSuccessMs: number | undefined;
  readonly consecutiveFailures: number;
  readonly lastError: string | undefined;
};
