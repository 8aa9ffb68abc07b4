import type { EngineFormat } from './engine-format.ts';
import { EVENTS, RATIO, REQUEST_LIMIT, REQUESTS, SECONDS, TOKENS } from './units.ts';

/**
 * Not read, because they lie: `sglang:utilization` (0 or -1), `sglang:cache_hit_rate` (reset at each report),
 * `sglang:fwd_occupancy` (NaN at first), `sglang:num_retracted_reqs` and `sglang:num_paused_reqs` (differences, not levels).
 */
export const SGLANG: EngineFormat = {
  name: 'Sglang',
  title: 'SGLang',
  page: '`/metrics` on the serving port, 404 without `--enable-metrics`',
  knownBy: {
    kind: 'Any',
    names: ['sglang:num_running_reqs', 'sglang:num_queue_reqs', 'sglang:token_usage', 'sglang:full_token_usage'],
  },
  copies: ['pid', 'tp_rank', 'pp_rank', 'moe_ep_rank'],
  rows: [
    {
      name: 'sglang:num_running_reqs',
      select: { priority: '' },
      metric: 'runningRequests',
      unit: REQUESTS,
      merge: 'Sum',
      note: 'with priority scheduling each priority is written beside the total',
    },
    {
      name: 'sglang:num_queue_reqs',
      select: { priority: '' },
      metric: 'waitingRequests',
      unit: REQUESTS,
      merge: 'Sum',
      note: 'the same',
    },
    { name: 'sglang:full_token_usage', metric: 'kvUsageRatio', unit: RATIO, merge: 'Max' },
    {
      name: 'sglang:token_usage',
      metric: 'kvUsageRatio',
      unit: RATIO,
      merge: 'Max',
      note: 'two decimals; the fullest of several pools',
    },
    {
      name: 'sglang:max_total_num_tokens',
      metric: 'kvCapacityTokens',
      unit: TOKENS,
      merge: 'Sum',
      note: '0 while it loads: not ready',
    },
    {
      name: 'sglang:realtime_tokens_total',
      select: { mode: 'prefill_compute' },
      metric: 'promptTokensTotal',
      unit: TOKENS,
      merge: 'Sum',
      note: 'moves at each log interval; cached tokens are no work and stay out',
    },
    {
      name: 'sglang:prompt_tokens_total',
      metric: 'promptTokensTotal',
      unit: TOKENS,
      merge: 'Sum',
      note: 'counts a request when it ends',
    },
    {
      name: 'sglang:realtime_tokens_total',
      select: { mode: 'decode' },
      metric: 'generationTokensTotal',
      unit: TOKENS,
      merge: 'Sum',
      note: 'moves at each log interval',
    },
    {
      name: 'sglang:generation_tokens_total',
      metric: 'generationTokensTotal',
      unit: TOKENS,
      merge: 'Sum',
      note: 'counts a request when it ends',
    },
    {
      name: 'sglang:time_to_first_token_seconds_sum',
      metric: 'timeToFirstTokenSecondsSum',
      unit: SECONDS,
      merge: 'Sum',
    },
    {
      name: 'sglang:time_to_first_token_seconds_count',
      buckets: 'sglang:time_to_first_token_seconds_bucket',
      metric: 'timeToFirstTokenSecondsCount',
      unit: EVENTS,
      merge: 'Sum',
    },
  ],
  json: {
    page: '`/v1/loads`, without a flag and with the batch limit; an empty list is a broken engine, not an idle one. Not `?format=prometheus`: other names',
    list: 'loads',
    engine: 'dp_rank',
    rows: [
      { name: 'num_running_reqs', metric: 'runningRequests', unit: REQUESTS, merge: 'Sum' },
      { name: 'num_waiting_reqs', metric: 'waitingRequests', unit: REQUESTS, merge: 'Sum' },
      { name: 'token_usage', metric: 'kvUsageRatio', unit: RATIO, merge: 'Max' },
      {
        name: 'max_running_requests',
        metric: 'maxRunningRequests',
        unit: REQUEST_LIMIT,
        merge: 'Sum',
        note: 'a capacity, not a load',
      },
      {
        name: 'max_total_num_tokens',
        metric: 'kvCapacityTokens',
        unit: TOKENS,
        merge: 'Sum',
        note: '0: not ready, whatever else it says',
      },
    ],
  },
};
