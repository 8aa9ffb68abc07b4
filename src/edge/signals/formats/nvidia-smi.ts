import type { DeviceLabels } from './gpu-format.ts';
import type { MetricRow } from './row.ts';
import { FLAG, MEBIBYTES, MEGAHERTZ, MICROSECONDS, PERCENT, WATTS } from './units.ts';

/** One field of nvidia-smi: its row under the name of `--query-gpu`, and where the XML of `-q -x` has it. */
export type NvidiaSmiField = {
  readonly row: MetricRow;
  /** Read where it is there, and not asked for: a driver that does not know one field answers none of them. */
  readonly onlyRead?: true;
  /** Other names of the same column. */
  readonly aliases?: readonly string[];
  /** Paths below `<gpu>`; the first that has a value counts, for drivers moved them. */
  readonly xml: readonly string[];
  /** Paths below `<mig_device>`. */
  readonly migXml?: readonly string[];
};

/** What the labels of nvidia-smi's readings are called, so that they read like those of an exporter. */
export const NVIDIA_SMI_DEVICE: DeviceLabels = {
  uuid: ['uuid'],
  prefix: 'GPU-',
  index: ['index'],
  instance: ['gpu_instance_id'],
};

export const NVIDIA_SMI_FIELDS: readonly NvidiaSmiField[] = [
  {
    row: { name: 'utilization.gpu', metric: 'gpuUtilRatio', unit: PERCENT, note: '`[N/A]` with MIG' },
    xml: ['utilization/gpu_util'],
  },
  {
    row: { name: 'clocks.current.sm', metric: 'smClockHertz', unit: MEGAHERTZ },
    aliases: ['clocks.sm'],
    xml: ['clocks/sm_clock'],
  },
  {
    row: { name: 'power.draw', metric: 'powerWatts', unit: WATTS },
    xml: [
      'gpu_power_readings/power_draw',
      'gpu_power_readings/average_power_draw',
      'gpu_power_readings/instant_power_draw',
      'power_readings/power_draw',
    ],
  },
  {
    row: { name: 'memory.used', metric: 'memoryUsedBytes', unit: MEBIBYTES },
    xml: ['fb_memory_usage/used'],
    migXml: ['fb_memory_usage/used'],
  },
  {
    row: { name: 'memory.total', metric: 'memoryTotalBytes', unit: MEBIBYTES },
    xml: ['fb_memory_usage/total'],
    migXml: ['fb_memory_usage/total'],
  },
  {
    row: { name: 'mig.mode.current', metric: 'migMode', unit: FLAG, note: '`Enabled` is 1' },
    xml: ['mig_mode/current_mig'],
  },
  ...['hw_slowdown', 'hw_thermal_slowdown', 'hw_power_brake_slowdown', 'sw_thermal_slowdown'].map(
    (reason): NvidiaSmiField => ({
      onlyRead: true,
      row: {
        name: `clocks_event_reasons.${reason}`,
        metric: 'throttleRatio',
        unit: FLAG,
        fold: 'Max',
        note: '`Active` is 1',
      },
      aliases: [`clocks_throttle_reasons.${reason}`],
      xml: [
        `clocks_event_reasons/clocks_event_reason_${reason}`,
        `clocks_throttle_reasons/clocks_throttle_reason_${reason}`,
      ],
    }),
  ),
  ...['hw_thermal_slowdown', 'hw_power_brake_slowdown', 'sw_thermal_slowdown'].map(
    (reason): NvidiaSmiField => ({
      onlyRead: true,
      row: {
        name: `clocks_event_reasons_counters.${reason}`,
        metric: 'throttledSecondsTotal',
        unit: MICROSECONDS,
        fold: 'Max',
      },
      xml: [`clocks_event_reasons_counters/clocks_event_reasons_counters_${reason}`],
    }),
  ),
];
