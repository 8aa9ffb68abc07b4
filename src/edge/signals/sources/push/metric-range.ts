import type { Metric } from '../../../../core/topology/index.ts';

type Range = readonly [min: number, max: number];

const RATIO: Range = [0, 1];
const REQUESTS: Range = [0, 1e6];
const COUNTER: Range = [0, 1e15];
const BYTES: Range = [0, 1e14];

/** What can be true, in the unit of the metric; the units of `formats/` bound what is read from pages alike. */
const RANGES: Readonly<Record<Metric, Range>> = {
  runningRequests: REQUESTS,
  waitingRequests: REQUESTS,
  kvUsageRatio: RATIO,
  maxRunningRequests: [1, 1e6],
  promptTokensTotal: COUNTER,
  generationTokensTotal: COUNTER,
  timeToFirstTokenSecondsSum: COUNTER,
  timeToFirstTokenSecondsCount: COUNTER,
  processStartTimeSeconds: [1, 1e11],
  gpuUtilRatio: RATIO,
  gpuEngineActiveRatio: RATIO,
  smActiveRatio: RATIO,
  dramActiveRatio: RATIO,
  smClockHertz: [1e6, 2e10],
  powerWatts: [0, 20_000],
  memoryUsedBytes: BYTES,
  memoryTotalBytes: BYTES,
  xidCode: [0, 10_000],
  recentXidCode: [0, 10_000],
  throttleRatio: RATIO,
  throttledSecondsTotal: [0, 1e9],
  recentThrottleCount: [0, 1e6],
};

/** Every metric, in a fixed order. */
export const METRICS: readonly Metric[] = Object.keys(RANGES) as Metric[];

/** What is wrong with a value; undefined when nothing is. */
export function rangeFault(metric: Metric, value: number): string | undefined {
  const [min, max] = RANGES[metric];
  if (Number.isNaN(value)) return 'is NaN';
  return value >= min && value <= max ? undefined : `is ${value}, outside ${min}..${max}`;
}
