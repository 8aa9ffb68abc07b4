import type { GpuFormat } from './gpu-format.ts';
import { BYTES, MILLIWATTS, PERCENT } from './units.ts';

export const GAUDI: GpuFormat = {
  title: 'Intel Gaudi metric exporter',
  page: '`/metrics` on port 41611; its makers advise 30 s between scrapes',
  device: {
    uuid: ['UUID', 'uuid'],
    index: ['device', 'index'],
    pod: ['pod', 'pod_name'],
    namespace: ['namespace', 'pod_namespace'],
    node: ['hostname', 'node'],
  },
  rows: [
    { name: 'habanalabs_utilization', metric: 'gpuUtilRatio', unit: PERCENT },
    { name: 'habanalabs_power_mW', metric: 'powerWatts', unit: MILLIWATTS },
    { name: 'habanalabs_memory_used_bytes', metric: 'memoryUsedBytes', unit: BYTES },
    { name: 'habanalabs_memory_total_bytes', metric: 'memoryTotalBytes', unit: BYTES },
  ],
};
