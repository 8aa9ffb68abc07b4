import type { EngineFormat } from './engine-format.ts';
import type { GpuFormat } from './gpu-format.ts';
import { BYTES, RATIO, REQUESTS, WATTS } from './units.ts';

export const TRITON: EngineFormat = {
  name: 'Triton',
  title: 'Triton',
  page: '`/metrics` on port 8002 (`port: 8002`); refreshed every 2 s unless `--metrics-interval-ms` says otherwise',
  knownBy: { kind: 'Any', names: ['nv_inference_pending_request_count', 'nv_inference_request_success'] },
  copies: [],
  rows: [
    {
      name: 'nv_inference_pending_request_count',
      metric: 'waitingRequests',
      unit: REQUESTS,
      merge: 'Sum',
      note: 'Triton does not say how many run: the queue is shown, and capacity comes from load reports',
    },
  ],
};

export const TRITON_GPU: GpuFormat = {
  title: 'Triton',
  page: 'the same page (`exporter: { port: 8002 }`)',
  device: { uuid: ['gpu_uuid'], prefix: 'GPU-' },
  rows: [
    { name: 'nv_gpu_utilization', metric: 'gpuUtilRatio', unit: RATIO, note: 'a ratio, unlike DCGM’s' },
    { name: 'nv_gpu_power_usage', metric: 'powerWatts', unit: WATTS },
    { name: 'nv_gpu_memory_used_bytes', metric: 'memoryUsedBytes', unit: BYTES },
    { name: 'nv_gpu_memory_total_bytes', metric: 'memoryTotalBytes', unit: BYTES },
  ],
};
