import type { GpuFormat } from './gpu-format.ts';
import type { MetricRow } from './row.ts';
import { BYTES, FLAG, HERTZ, RATIO, SECONDS, WATTS } from './units.ts';

export const NVIDIA_GPU_EXPORTER: GpuFormat = {
  title: 'nvidia_gpu_exporter',
  page: '`/metrics` on port 9835; runs nvidia-smi at each scrape. No pod labels: join it by port or node',
  device: {
    uuid: ['uuid'],
    prefix: 'GPU-',
    instance: ['gpu_instance_id'],
    pod: ['pod'],
    namespace: ['namespace'],
    node: ['hostname', 'node'],
  },
  rows: [
    { name: 'nvidia_smi_utilization_gpu_ratio', metric: 'gpuUtilRatio', unit: RATIO },
    {
      name: 'nvidia_smi_mig_graphics_activity_ratio',
      metric: 'gpuEngineActiveRatio',
      unit: RATIO,
      note: 'Hopper and later',
    },
    { name: 'nvidia_smi_mig_sm_activity_ratio', metric: 'smActiveRatio', unit: RATIO, note: 'Hopper and later' },
    { name: 'nvidia_smi_clocks_current_sm_clock_hz', metric: 'smClockHertz', unit: HERTZ },
    { name: 'nvidia_smi_power_draw_watts', metric: 'powerWatts', unit: WATTS },
    { name: 'nvidia_smi_memory_used_bytes', metric: 'memoryUsedBytes', unit: BYTES },
    { name: 'nvidia_smi_memory_total_bytes', metric: 'memoryTotalBytes', unit: BYTES },
    {
      name: 'nvidia_smi_mig_mode_current',
      metric: 'migMode',
      unit: FLAG,
      note: '1: utilisation does not speak for one endpoint',
    },
    ...['event', 'throttle'].flatMap((generation) =>
      ['hw_slowdown', 'hw_thermal_slowdown', 'hw_power_brake_slowdown', 'sw_thermal_slowdown'].map(
        (reason): MetricRow => ({
          name: `nvidia_smi_clocks_${generation}_reasons_${reason}`,
          metric: 'throttleRatio',
          unit: FLAG,
          fold: 'Max',
          ...(generation === 'event' ? {} : { note: 'name of older drivers' }),
        }),
      ),
    ),
    ...['hw_thermal_slowdown', 'hw_power_brake_slowdown', 'sw_thermal_slowdown'].map(
      (reason): MetricRow => ({
        name: `nvidia_smi_clocks_event_reasons_counters_${reason}_seconds`,
        metric: 'throttledSecondsTotal',
        unit: SECONDS,
        fold: 'Max',
      }),
    ),
  ],
};
