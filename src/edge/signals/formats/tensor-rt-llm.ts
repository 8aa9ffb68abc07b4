import type { EngineFormat } from './engine-format.ts';
import { EVENTS, RATIO, REQUEST_LIMIT, REQUESTS, SECONDS } from './units.ts';

/** As a backend in Triton one name carries many meanings, told apart by a label; trtllm-serve has a name for each. */
export const TENSOR_RT_LLM: EngineFormat = {
  name: 'TensorRtLlm',
  title: 'TensorRT-LLM',
  page: 'in Triton `/metrics` on port 8002; trtllm-serve `/prometheus/metrics` on the serving port. Its `/metrics` is a JSON list of iterations, gone once read and empty when idle: not read',
  knownBy: {
    kind: 'Any',
    names: ['nv_trt_llm_request_metrics', 'trtllm_num_requests_running', 'trtllm_num_requests_waiting'],
  },
  copies: ['pid'],
  rows: [
    {
      name: 'nv_trt_llm_request_metrics',
      select: { request_type: 'scheduled' },
      metric: 'runningRequests',
      unit: REQUESTS,
      merge: 'Sum',
    },
    { name: 'trtllm_num_requests_running', metric: 'runningRequests', unit: REQUESTS, merge: 'Sum' },
    {
      name: 'nv_trt_llm_request_metrics',
      select: { request_type: 'waiting' },
      metric: 'waitingRequests',
      unit: REQUESTS,
      merge: 'Sum',
    },
    { name: 'trtllm_num_requests_waiting', metric: 'waitingRequests', unit: REQUESTS, merge: 'Sum' },
    {
      name: 'nv_trt_llm_request_metrics',
      select: { request_type: 'max' },
      metric: 'maxRunningRequests',
      unit: REQUEST_LIMIT,
      merge: 'Sum',
      note: 'a capacity, not a load',
    },
    {
      name: 'nv_trt_llm_kv_cache_block_metrics',
      select: { kv_cache_block_type: 'fraction' },
      metric: 'kvUsageRatio',
      unit: RATIO,
      merge: 'Max',
    },
    { name: 'trtllm_kv_cache_utilization', metric: 'kvUsageRatio', unit: RATIO, merge: 'Max' },
    {
      name: 'trtllm_time_to_first_token_seconds_sum',
      metric: 'timeToFirstTokenSecondsSum',
      unit: SECONDS,
      merge: 'Sum',
    },
    {
      name: 'trtllm_time_to_first_token_seconds_count',
      buckets: 'trtllm_time_to_first_token_seconds_bucket',
      metric: 'timeToFirstTokenSecondsCount',
      unit: EVENTS,
      merge: 'Sum',
    },
  ],
};
