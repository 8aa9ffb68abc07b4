import type { GpuFormat } from './gpu-format.ts';
import type { MetricRow } from './row.ts';
import { MEBIBYTES, PERCENT, WATTS } from './units.ts';

export const AMD: GpuFormat = {
  title: 'AMD device-metrics-exporter',
  page: '`/metrics` on port 5000; names in lower case although its list writes them in capitals',
  device: {
    uuid: ['gpu_uuid', 'serial_number'],
    index: ['gpu_id'],
    instance: ['gpu_partition_id'],
    // An uncut device has a partition number too.
    whole: { label: 'gpu_compute_partition_type', values: ['', 'spx', 'na', 'n/a'] },
    pod: ['pod'],
    namespace: ['namespace'],
    node: ['hostname', 'node'],
  },
  rows: [
    {
      name: 'gpu_gfx_activity',
      metric: 'gpuUtilRatio',
      unit: PERCENT,
      note: 'means something on an uncut device (SPX) only',
    },
    { name: 'gpu_umc_activity', metric: 'dramActiveRatio', unit: PERCENT },
    { name: 'gpu_power_usage', metric: 'powerWatts', unit: WATTS },
    {
      name: 'gpu_used_vram',
      metric: 'memoryUsedBytes',
      unit: MEBIBYTES,
      note: 'documented as MB; absent on a hypervisor',
    },
    { name: 'gpu_total_vram', metric: 'memoryTotalBytes', unit: MEBIBYTES, note: 'documented as MB' },
    ...['processor_hot', 'socket_thermal', 'vr_thermal', 'hbm_thermal'].map(
      (what): MetricRow => ({
        name: `gpu_violation_${what}_residency_percentage`,
        metric: 'throttleRatio',
        unit: PERCENT,
        fold: 'Max',
        note: 'not that of `ppt`, the power cap',
      }),
    ),
  ],
};
