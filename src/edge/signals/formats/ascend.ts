import type { GpuFormat } from './gpu-format.ts';
import { MEBIBYTES, PERCENT, WATTS } from './units.ts';

export const ASCEND: GpuFormat = {
  title: 'Huawei Ascend npu-exporter',
  page: '`/metrics` on port 8082; each line has a time stamp of its own, which dates the sample',
  device: {
    uuid: ['vdie_id', 'uuid'],
    index: ['id', 'npuID'],
    pod: ['pod_name', 'podName'],
    namespace: ['namespace'],
    node: ['node_name', 'node'],
  },
  rows: [
    { name: 'npu_chip_info_utilization', metric: 'gpuUtilRatio', unit: PERCENT, note: 'AI cores' },
    { name: 'npu_chip_info_power', metric: 'powerWatts', unit: WATTS },
    { name: 'npu_chip_info_hbm_used_memory', metric: 'memoryUsedBytes', unit: MEBIBYTES, note: 'documented as MB' },
    { name: 'npu_chip_info_hbm_total_memory', metric: 'memoryTotalBytes', unit: MEBIBYTES, note: 'documented as MB' },
  ],
};
