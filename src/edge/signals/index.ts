export { type Scan, type ScanOptions, type Series, scanExposition } from './exposition.ts';
export { type ScheduleStats, type SignalLog, SignalSchedule, type SignalScheduleOptions } from './schedule.ts';
export type { Collected, Failure, FailureReason, SignalSource } from './signal-source.ts';
export type { CollectReport } from './source-run.ts';
export {
  type EngineTarget,
  type ExporterTarget,
  type PrometheusTarget,
  type Target,
  targetsFromPolicy,
} from './targets.ts';
export type { Timers } from './timers.ts';
