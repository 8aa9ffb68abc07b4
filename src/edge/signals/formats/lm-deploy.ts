import type { EngineFormat } from './engine-format.ts';
import { EVENTS, RATIO, REQUESTS, SECONDS, TOKENS } from './units.ts';

export const LM_DEPLOY: EngineFormat = {
  name: 'LmDeploy',
  title: 'LMDeploy',
  page: '`/metrics` on the serving port with `--enable-metrics`',
  knownBy: {
    kind: 'Any',
    names: ['lmdeploy:num_requests_running', 'lmdeploy:num_requests_waiting', 'lmdeploy:gpu_cache_usage_perc'],
  },
  copies: ['pid'],
  rows: [
    { name: 'lmdeploy:num_requests_running', metric: 'runningRequests', unit: REQUESTS, merge: 'Sum' },
    {
      name: 'lmdeploy:num_requests_waiting',
      metric: 'waitingRequests',
      unit: REQUESTS,
      merge: 'Sum',
      note: 'not `num_api_requests_waiting`, which waits for a handle of the front end',
    },
    {
      name: 'lmdeploy:gpu_cache_usage_perc',
      metric: 'kvUsageRatio',
      unit: RATIO,
      merge: 'Max',
      note: '`perc` means a ratio here',
    },
    { name: 'lmdeploy:prompt_tokens_total', metric: 'promptTokensTotal', unit: TOKENS, merge: 'Sum' },
    { name: 'lmdeploy:generation_tokens_total', metric: 'generationTokensTotal', unit: TOKENS, merge: 'Sum' },
    {
      name: 'lmdeploy:time_to_first_token_seconds_sum',
      metric: 'timeToFirstTokenSecondsSum',
      unit: SECONDS,
      merge: 'Sum',
    },
    {
      name: 'lmdeploy:time_to_first_token_seconds_count',
      buckets: 'lmdeploy:time_to_first_token_seconds_bucket',
      metric: 'timeToFirstTokenSecondsCount',
      unit: EVENTS,
      merge: 'Sum',
    },
  ],
};
