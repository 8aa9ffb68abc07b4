import type { EngineFormat } from './engine-format.ts';
import { REQUESTS } from './units.ts';

/** Its token histograms count at the end of a request; what it has no metric for (KV cache) stays unknown. */
export const TGI: EngineFormat = {
  name: 'Tgi',
  title: 'TGI',
  page: '`/metrics` on the serving port',
  knownBy: { kind: 'Any', names: ['tgi_batch_current_size', 'tgi_queue_size'] },
  copies: ['pid'],
  rows: [
    {
      name: 'tgi_batch_current_size',
      metric: 'runningRequests',
      unit: REQUESTS,
      merge: 'Sum',
      note: 'not `tgi_batch_next_size`, which is a histogram',
    },
    { name: 'tgi_queue_size', metric: 'waitingRequests', unit: REQUESTS, merge: 'Sum' },
  ],
};
