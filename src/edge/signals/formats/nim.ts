import type { EngineFormat } from './engine-format.ts';
import { EVENTS, RATIO, REQUEST_LIMIT, REQUESTS, SECONDS, TOKENS } from './units.ts';

export const NIM: EngineFormat = {
  name: 'Nim',
  title: 'NIM',
  page: '`/v1/metrics` on the serving port. Some releases wrap vLLM and write its names: they are read as vLLM',
  // Its names have no prefix, so one alone proves nothing.
  knownBy: { kind: 'All', names: ['num_requests_running', 'num_requests_waiting', 'num_request_max'] },
  copies: ['pid'],
  rows: [
    { name: 'num_requests_running', metric: 'runningRequests', unit: REQUESTS, merge: 'Sum' },
    { name: 'num_requests_waiting', metric: 'waitingRequests', unit: REQUESTS, merge: 'Sum' },
    {
      name: 'num_request_max',
      metric: 'maxRunningRequests',
      unit: REQUEST_LIMIT,
      merge: 'Sum',
      note: 'a capacity, not a load',
    },
    {
      name: 'gpu_cache_usage_perc',
      metric: 'kvUsageRatio',
      unit: RATIO,
      merge: 'Max',
      note: '`perc` means a ratio here',
    },
    { name: 'prompt_tokens_total', metric: 'promptTokensTotal', unit: TOKENS, merge: 'Sum' },
    { name: 'generation_tokens_total', metric: 'generationTokensTotal', unit: TOKENS, merge: 'Sum' },
    { name: 'time_to_first_token_seconds_sum', metric: 'timeToFirstTokenSecondsSum', unit: SECONDS, merge: 'Sum' },
    {
      name: 'time_to_first_token_seconds_count',
      buckets: 'time_to_first_token_seconds_bucket',
      metric: 'timeToFirstTokenSecondsCount',
      unit: EVENTS,
      merge: 'Sum',
    },
  ],
};
