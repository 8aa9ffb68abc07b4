import type { EngineFormat } from './engine-format.ts';
import { EVENTS, RATIO, REQUEST_LIMIT, REQUESTS, SECONDS, TOKENS } from './units.ts';

export const VLLM: EngineFormat = {
  name: 'Vllm',
  title: 'vLLM',
  page: '`/metrics` on the serving port; empty of `vllm:` names with `--disable-log-stats`, which is unknown and not idle',
  knownBy: {
    kind: 'Any',
    names: [
      'vllm:num_requests_running',
      'vllm:num_requests_waiting',
      'vllm:kv_cache_usage_perc',
      'vllm:gpu_cache_usage_perc',
    ],
  },
  // With several API servers some releases write a gauge once per process, most of them idle copies.
  copies: ['pid'],
  rows: [
    { name: 'vllm:num_requests_running', metric: 'runningRequests', unit: REQUESTS, merge: 'Sum' },
    { name: 'vllm:num_requests_waiting', metric: 'waitingRequests', unit: REQUESTS, merge: 'Sum' },
    {
      name: 'vllm:kv_cache_usage_perc',
      metric: 'kvUsageRatio',
      unit: RATIO,
      merge: 'Max',
      note: '`perc` means a ratio here',
    },
    {
      name: 'vllm:gpu_cache_usage_perc',
      metric: 'kvUsageRatio',
      unit: RATIO,
      merge: 'Max',
      note: 'name before 0.9; a ratio too',
    },
    {
      name: 'num_request_max',
      metric: 'maxRunningRequests',
      unit: REQUEST_LIMIT,
      merge: 'Sum',
      note: 'written by NIM around vLLM; vLLM itself states no limit',
    },
    { name: 'vllm:prompt_tokens_total', metric: 'promptTokensTotal', unit: TOKENS, merge: 'Sum' },
    { name: 'vllm:generation_tokens_total', metric: 'generationTokensTotal', unit: TOKENS, merge: 'Sum' },
    { name: 'vllm:time_to_first_token_seconds_sum', metric: 'timeToFirstTokenSecondsSum', unit: SECONDS, merge: 'Sum' },
    {
      name: 'vllm:time_to_first_token_seconds_count',
      buckets: 'vllm:time_to_first_token_seconds_bucket',
      metric: 'timeToFirstTokenSecondsCount',
      unit: EVENTS,
      merge: 'Sum',
    },
  ],
};
