import type { z } from 'zod';
import type { Timeouts } from '../policy.ts';
import { mapping } from './shape.ts';
import { duration, durationOrNone } from './units.ts';

/** Defaults for language models: a non-streaming answer sends its headers last, a stream may run for long. */
export const timeouts: z.ZodType<Timeouts> = mapping({
  /** Envoy refuses a connect time-out of 0. */
  connect: duration(1, 600_000).prefault('2s'),
  responseHeaders: durationOrNone().prefault('10m'),
  perTryIdle: durationOrNone().prefault('2m'),
  streamIdle: durationOrNone().prefault('5m'),
  request: durationOrNone().prefault('0s'),
})
  .prefault({})
  .transform((value) => ({
    connectMs: value.connect,
    responseHeadersMs: value.responseHeaders,
    perTryIdleMs: value.perTryIdle,
    streamIdleMs: value.streamIdle,
    requestMs: value.request,
  }));
