import type { EngineFormat } from './engine-format.ts';
import { REQUESTS, TOKENS } from './units.ts';

/** Not read: `llamacpp:predicted_tokens_seconds`, which is tokens per second although it ends in seconds. */
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
      note: 'the limit (`-np`) is not on the page: give `maxRunningRequests`',
    },
    { name: 'llamacpp:requests_deferred', metric: 'waitingRequests', unit: REQUESTS, merge: 'Sum' },
    { name: 'llamacpp:prompt_tokens_total', metric: 'promptTokensTotal', unit: TOKENS, merge: 'Sum' },
    { name: 'llamacpp:tokens_predicted_total', metric: 'generationTokensTotal', unit: TOKENS, merge: 'Sum' },
  ],
};
