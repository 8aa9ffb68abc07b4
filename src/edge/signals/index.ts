export { type Scan, type ScanOptions, scanExposition } from './exposition.ts';
export type { Series } from './exposition-line.ts';
export { wordsOfNetworkError } from './network-error.ts';
export { HttpPageFetcher, type PageFetcher } from './page-fetcher.ts';
export { readTextFile } from './read-text-file.ts';
export { type ScheduleStats, type SignalLog, SignalSchedule, type SignalScheduleOptions } from './schedule.ts';
export type { Collected, Failure, FailureReason, SignalSource } from './signal-source.ts';
export { shownUrl } from './source-name.ts';
export type { CollectReport } from './source-run.ts';
export type {
  Push,
  PushAnswer,
  PushedMetric,
  PushOpened,
  PushReading,
  PushRefusal,
  PushRefusalReason,
  PushReport,
  PushStream,
} from './sources/push/push.ts';
export { type PushMeter, PushReceiver, type PushReceiverOptions } from './sources/push/push-receiver.ts';
export type {
  EngineFileTarget,
  EnginePrometheusTarget,
  EngineTarget,
  ExporterTarget,
  FileTarget,
  NvidiaSmiTarget,
  PrometheusTarget,
  Target,
} from './target.ts';
export { targetsFromPolicy } from './targets.ts';
export type { Timers } from './timers.ts';
