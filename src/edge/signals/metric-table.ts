import type { Metric } from '../../core/topology/index.ts';

/** What a row can stand for: a metric of the core, or something that only helps to make one. */
export type TableMetric = Metric | 'memoryFreeBytes' | 'memoryReservedBytes' | 'migMode';

/**
 * How one exposition name becomes a metric. The unit comes from the name and never from the value: 0.9 could be 0.9 % or
 * 90 %. dcgm-exporter renamed its metrics and changed their units in one release, so both generations stand here.
 */
export type MetricRow = {
  readonly name: string;
  readonly metric: TableMetric;
  readonly kind: 'Gauge' | 'Counter';
  /** Factor from the unit of the name to the unit of the metric. */
  readonly scale: number;
  /** Bounds of the raw value; what lies outside is refused (blank values such as 9223372036854775794 do). */
  readonly min: number;
  readonly max: number;
  /** Over the series of one page: `Sum` and `Max` make one value per engine, `PerGpu` one per GPU or MIG instance. */
  readonly merge: 'Sum' | 'Max' | 'PerGpu';
};

type Range = { readonly min: number; readonly max: number };

const MIB = 1_048_576;
/** Five per cent above one: interval averages overshoot a little; more than that is another unit. */
const RATIO: Range = { min: 0, max: 1.05 };
const PERCENT: Range = { min: 0, max: 105 };
const REQUESTS: Range = { min: 0, max: 1e6 };
const TOTAL: Range = { min: 0, max: 1e15 };
const WATTS: Range = { min: 0, max: 20_000 };
const MEBIBYTES: Range = { min: 0, max: 1e8 };
const BYTES: Range = { min: 0, max: 1e14 };
/** A clock of zero is not a reading. */
const MEGAHERTZ: Range = { min: 1, max: 20_000 };
const HERTZ: Range = { min: 1e6, max: 2e10 };
const CODE: Range = { min: 0, max: 10_000 };
const UNIX_SECONDS: Range = { min: 1, max: 1e11 };
const FLAG: Range = { min: 0, max: 1 };

/** vLLM's names (V0 and V1). `perc` in a name there means a ratio. Where two rows make one metric, the upper one wins. */
export const ENGINE_TABLE: readonly MetricRow[] = [
  engine('vllm:num_requests_running', 'runningRequests', 'Gauge', REQUESTS, 'Sum'),
  engine('vllm:num_requests_waiting', 'waitingRequests', 'Gauge', REQUESTS, 'Sum'),
  engine('vllm:kv_cache_usage_perc', 'kvUsageRatio', 'Gauge', RATIO, 'Max'),
  engine('vllm:gpu_cache_usage_perc', 'kvUsageRatio', 'Gauge', RATIO, 'Max'),
  engine('vllm:prompt_tokens_total', 'promptTokensTotal', 'Counter', TOTAL, 'Sum'),
  engine('vllm:generation_tokens_total', 'generationTokensTotal', 'Counter', TOTAL, 'Sum'),
  engine('vllm:time_to_first_token_seconds_sum', 'timeToFirstTokenSecondsSum', 'Counter', TOTAL, 'Sum'),
  engine('vllm:time_to_first_token_seconds_count', 'timeToFirstTokenSecondsCount', 'Counter', TOTAL, 'Sum'),
  engine('process_start_time_seconds', 'processStartTimeSeconds', 'Gauge', UNIX_SECONDS, 'Max'),
];

/** dcgm-exporter up to 4.8.4, dcgm-exporter 4.9 (DCGM 4.7), nvidia_gpu_exporter. */
export const GPU_TABLE: readonly MetricRow[] = [
  gpu('DCGM_FI_DEV_GPU_UTIL', 'gpuUtilRatio', PERCENT, 0.01),
  gpu('DCGM_FI_DEV_GPU_UTIL_RATIO', 'gpuUtilRatio', RATIO),
  gpu('nvidia_smi_utilization_gpu_ratio', 'gpuUtilRatio', RATIO),

  gpu('DCGM_FI_PROF_GR_ENGINE_ACTIVE', 'gpuEngineActiveRatio', RATIO),
  gpu('DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO', 'gpuEngineActiveRatio', RATIO),
  gpu('nvidia_smi_mig_graphics_activity_ratio', 'gpuEngineActiveRatio', RATIO),

  gpu('DCGM_FI_PROF_SM_ACTIVE', 'smActiveRatio', RATIO),
  gpu('DCGM_FI_PROF_SM_UTIL_RATIO', 'smActiveRatio', RATIO),
  gpu('nvidia_smi_mig_sm_activity_ratio', 'smActiveRatio', RATIO),

  gpu('DCGM_FI_PROF_DRAM_ACTIVE', 'dramActiveRatio', RATIO),
  gpu('DCGM_FI_PROF_DRAM_UTIL_RATIO', 'dramActiveRatio', RATIO),

  gpu('DCGM_FI_DEV_SM_CLOCK', 'smClockHertz', MEGAHERTZ, 1e6),
  gpu('DCGM_FI_DEV_SM_CLOCK_HERTZ', 'smClockHertz', HERTZ),
  gpu('nvidia_smi_clocks_current_sm_clock_hz', 'smClockHertz', HERTZ),

  gpu('DCGM_FI_DEV_POWER_USAGE', 'powerWatts', WATTS),
  gpu('DCGM_FI_DEV_BOARD_POWER_WATTS', 'powerWatts', WATTS),
  gpu('nvidia_smi_power_draw_watts', 'powerWatts', WATTS),

  gpu('DCGM_FI_DEV_FB_USED', 'memoryUsedBytes', MEBIBYTES, MIB),
  gpu('DCGM_FI_DEV_FB_USED_BYTES', 'memoryUsedBytes', BYTES),
  gpu('nvidia_smi_memory_used_bytes', 'memoryUsedBytes', BYTES),

  gpu('DCGM_FI_DEV_FB_TOTAL', 'memoryTotalBytes', MEBIBYTES, MIB),
  gpu('DCGM_FI_DEV_FB_CAPACITY_BYTES', 'memoryTotalBytes', BYTES),
  gpu('nvidia_smi_memory_total_bytes', 'memoryTotalBytes', BYTES),

  // Exporters that give no total give what is free and reserved: total = used + free + reserved.
  gpu('DCGM_FI_DEV_FB_FREE', 'memoryFreeBytes', MEBIBYTES, MIB),
  gpu('DCGM_FI_DEV_FB_FREE_BYTES', 'memoryFreeBytes', BYTES),
  gpu('DCGM_FI_DEV_FB_RESERVED', 'memoryReservedBytes', MEBIBYTES, MIB),
  gpu('DCGM_FI_DEV_FB_RESERVED_BYTES', 'memoryReservedBytes', BYTES),

  gpu('DCGM_FI_DEV_XID_ERRORS', 'xidCode', CODE),
  gpu('DCGM_FI_DEV_XID_ERROR', 'xidCode', CODE),

  gpu('nvidia_smi_mig_mode_current', 'migMode', FLAG),
];

export const ENGINE_NAMES: ReadonlySet<string> = new Set(ENGINE_TABLE.map(({ name }) => name));
export const GPU_NAMES: ReadonlySet<string> = new Set(GPU_TABLE.map(({ name }) => name));

function engine(
  name: string,
  metric: TableMetric,
  kind: MetricRow['kind'],
  range: Range,
  merge: 'Sum' | 'Max',
): MetricRow {
  return { name, metric, kind, scale: 1, ...range, merge };
}

function gpu(name: string, metric: TableMetric, range: Range, scale = 1): MetricRow {
  return { name, metric, kind: 'Gauge', scale, ...range, merge: 'PerGpu' };
}
