import type { EngineFormat } from './engine-format.ts';
import { REQUEST_LIMIT, REQUESTS, TOKENS } from './units.ts';

/**
 * Not read: `llamacpp:predicted_tokens_seconds`, which is tokens per second although it ends in seconds, and the header
 * `Process-Start-Time-Unix`, which is microseconds of a clock that starts with the machine. `/slots` tells the same as the
 * text page at the price of every slot's parameters.
 */
export const LLAMA_CPP: EngineFormat = {
  name: 'LlamaCpp',
  title: 'llama.cpp',
  page: '`/metrics` of llama-server with `--metrics`; in router mode `path: /metrics?model=NAME`, else it answers 400',
  knownBy: { kind: 'Any', names: ['llamacpp:requests_processing', 'llamacpp:requests_deferred'] },
  copies: [],
  rows: [
    {
      name: 'llamacpp:requests_processing',
      metric: 'runningRequests',
      unit: REQUESTS,
      merge: 'Sum',
      note: 'slots at work',
    },
    { name: 'llamacpp:requests_deferred', metric: 'waitingRequests', unit: REQUESTS, merge: 'Sum' },
    {
      name: 'llamacpp:prompt_tokens_total',
      metric: 'promptTokensTotal',
      unit: TOKENS,
      merge: 'Sum',
      note: 'without cached tokens; six digits only, so that it moves in steps of 10 from a million on',
    },
    {
      name: 'llamacpp:n_decode_total',
      times: 'llamacpp:n_busy_slots_per_decode',
      metric: 'generationTokensTotal',
      unit: TOKENS,
      merge: 'Sum',
      note: 'moves with each step of the batch, of which a slot gets a token (several with a draft model, uncounted)',
    },
    {
      name: 'llamacpp:tokens_predicted_total',
      metric: 'generationTokensTotal',
      unit: TOKENS,
      merge: 'Sum',
      note: 'counts a request when it ends: minutes of standing still under long streams',
    },
  ],
  settings: {
    segment: 'props',
    rows: [
      {
        name: 'total_slots',
        metric: 'maxRunningRequests',
        unit: REQUEST_LIMIT,
        merge: 'Sum',
        note: 'a capacity (`-np`), not a load',
      },
    ],
  },
};
