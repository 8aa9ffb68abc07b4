import type { GpuFormat } from './gpu-format.ts';
import { BYTES, PERCENT, WATTS } from './units.ts';

export const ALL_SMI: GpuFormat = {
  title: 'all-smi',
  page: '`/metrics` on port 9090, for devices of many makers',
  // Its label `gpu` is the model's name, and `instance` the host until Prometheus takes that label for itself.
  device: { uuid: ['uuid'], index: ['index'], node: ['exported_instance', 'hostname', 'instance'] },
  rows: [
    { name: 'all_smi_gpu_utilization', metric: 'gpuUtilRatio', unit: PERCENT },
    { name: 'all_smi_gpu_power_consumption_watts', metric: 'powerWatts', unit: WATTS },
    { name: 'all_smi_gpu_memory_used_bytes', metric: 'memoryUsedBytes', unit: BYTES },
    { name: 'all_smi_gpu_memory_total_bytes', metric: 'memoryTotalBytes', unit: BYTES },
  ],
};
