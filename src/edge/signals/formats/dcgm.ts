import { FATAL_XIDS } from '../../../core/topology/index.ts';
import type { DeviceLabels, GpuFormat } from './gpu-format.ts';
import type { MetricRow } from './row.ts';
import {
  BYTES,
  CLOCK_REASONS,
  CODE,
  EVENTS,
  HERTZ,
  MEBIBYTES,
  MEGAHERTZ,
  NANOSECONDS,
  PERCENT,
  RATIO,
  SECONDS,
  WATTS,
} from './units.ts';

const DEVICE: DeviceLabels = {
  uuid: ['UUID', 'uuid'],
  prefix: 'GPU-',
  index: ['gpu'],
  instance: ['GPU_I_ID'],
  pod: ['pod', 'pod_name'],
  namespace: ['namespace', 'pod_namespace'],
  node: ['Hostname', 'hostname', 'node'],
};

/** Clock events of which a GPU loses capacity; the rest is idling, a setting, or the power cap of a busy one. */
const CLOCK_EVENTS = ['hw_slowdown', 'hw_thermal', 'hw_power_brake', 'sw_thermal'];

/**
 * What the exporter itself makes of XIDs and clock events, the same in both generations; off by default. Not read: their
 * `_TOTAL`, which counts beginnings since its start and so tells neither how old nor whether it goes on.
 */
const EXPORTER_ROWS: readonly MetricRow[] = [
  {
    name: 'DCGM_EXP_XID_ERRORS_COUNT',
    only: { label: 'xid', values: [...FATAL_XIDS.keys()].map(String) },
    valueFrom: 'Label',
    metric: 'recentXidCode',
    unit: CODE,
    note: 'by label `xid`, within a window of 5 min; fatal codes alone',
  },
  {
    name: 'DCGM_EXP_CLOCK_EVENTS_COUNT',
    only: { label: 'clock_event', values: CLOCK_EVENTS },
    metric: 'recentThrottleCount',
    unit: EVENTS,
    note: `by label \`clock_event\`, within a window of 5 min; ${CLOCK_EVENTS.join(', ')} alone`,
  },
];

export const DCGM: GpuFormat = {
  title: 'dcgm-exporter up to 4.8',
  page: '`/metrics` on port 9400; samples every 30 s unless `--collect-interval` says otherwise, so set it to 1000',
  device: DEVICE,
  rows: [
    {
      name: 'DCGM_FI_DEV_GPU_UTIL',
      metric: 'gpuUtilRatio',
      unit: PERCENT,
      note: 'any kernel at all; none on a MIG instance',
    },
    {
      name: 'DCGM_FI_PROF_GR_ENGINE_ACTIVE',
      metric: 'gpuEngineActiveRatio',
      unit: RATIO,
      note: 'also on a MIG instance; needs SYS_ADMIN, blank under a profiler',
    },
    { name: 'DCGM_FI_PROF_SM_ACTIVE', metric: 'smActiveRatio', unit: RATIO, note: 'off by default' },
    { name: 'DCGM_FI_PROF_DRAM_ACTIVE', metric: 'dramActiveRatio', unit: RATIO, note: 'full below 1 in practice' },
    { name: 'DCGM_FI_DEV_SM_CLOCK', metric: 'smClockHertz', unit: MEGAHERTZ },
    { name: 'DCGM_FI_DEV_POWER_USAGE', metric: 'powerWatts', unit: WATTS },
    {
      name: 'DCGM_FI_DEV_FB_USED',
      metric: 'memoryUsedBytes',
      unit: MEBIBYTES,
      note: 'engines take it all at once: no load',
    },
    { name: 'DCGM_FI_DEV_FB_TOTAL', metric: 'memoryTotalBytes', unit: MEBIBYTES },
    {
      name: 'DCGM_FI_DEV_FB_FREE',
      metric: 'memoryFreeBytes',
      unit: MEBIBYTES,
      note: 'total = used + free + reserved where there is no total',
    },
    { name: 'DCGM_FI_DEV_FB_RESERVED', metric: 'memoryReservedBytes', unit: MEBIBYTES },
    { name: 'DCGM_FI_DEV_XID_ERRORS', metric: 'xidCode', unit: CODE, note: 'the last one ever, not a state' },
    {
      name: 'DCGM_FI_DEV_CLOCK_THROTTLE_REASONS',
      metric: 'throttleRatio',
      unit: CLOCK_REASONS,
      fold: 'Max',
      note: 'HW slowdown, HW and SW thermal, HW power brake alone; off by default',
    },
    {
      name: 'DCGM_FI_DEV_CLOCKS_EVENT_REASONS',
      metric: 'throttleRatio',
      unit: CLOCK_REASONS,
      fold: 'Max',
      note: 'its newer name',
    },
    {
      name: 'DCGM_FI_DEV_THERMAL_VIOLATION',
      metric: 'throttledSecondsTotal',
      unit: NANOSECONDS,
      note: 'off by default; an older help text says us',
    },
    ...EXPORTER_ROWS,
  ],
};

/** One release renamed the metrics and changed their units. */
export const DCGM_RENAMED: GpuFormat = {
  title: 'dcgm-exporter from 4.9',
  page: 'the same page; other names and other units',
  device: DEVICE,
  rows: [
    { name: 'DCGM_FI_DEV_GPU_UTIL_RATIO', metric: 'gpuUtilRatio', unit: RATIO },
    { name: 'DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO', metric: 'gpuEngineActiveRatio', unit: RATIO },
    { name: 'DCGM_FI_PROF_SM_UTIL_RATIO', metric: 'smActiveRatio', unit: RATIO },
    { name: 'DCGM_FI_PROF_DRAM_UTIL_RATIO', metric: 'dramActiveRatio', unit: RATIO },
    { name: 'DCGM_FI_DEV_SM_CLOCK_HERTZ', metric: 'smClockHertz', unit: HERTZ },
    { name: 'DCGM_FI_DEV_BOARD_POWER_WATTS', metric: 'powerWatts', unit: WATTS },
    { name: 'DCGM_FI_DEV_FB_USED_BYTES', metric: 'memoryUsedBytes', unit: BYTES },
    { name: 'DCGM_FI_DEV_FB_CAPACITY_BYTES', metric: 'memoryTotalBytes', unit: BYTES },
    { name: 'DCGM_FI_DEV_FB_FREE_BYTES', metric: 'memoryFreeBytes', unit: BYTES },
    { name: 'DCGM_FI_DEV_FB_RESERVED_BYTES', metric: 'memoryReservedBytes', unit: BYTES },
    { name: 'DCGM_FI_DEV_XID_ERROR', metric: 'xidCode', unit: CODE },
    {
      name: 'DCGM_FI_DEV_GPU_THERMAL_THROTTLE_SECONDS_TOTAL',
      metric: 'throttledSecondsTotal',
      unit: SECONDS,
      note: 'off by default',
    },
  ],
};
