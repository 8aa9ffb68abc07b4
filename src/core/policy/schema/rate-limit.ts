import type { z } from 'zod';
import type { RateLimit } from '../policy.ts';
import { count, mapping, oneOf, refuse, wholeNumber } from './shape.ts';
import { SPELLINGS } from './spelling.ts';
import { rate } from './units.ts';
import { className, headerName, label } from './words.ts';

export type RateLimitSpec = Omit<RateLimit, 'origin'>;

const MAX_KEYS = 100_000;
const DEFAULT_MAX_KEYS = 1000;

export const rateLimit: z.ZodType<RateLimitSpec> = mapping({
  name: label(),
  class: className().exactOptional(),
  key: mapping({ header: headerName() }).exactOptional(),
  rate: rate(),
  burst: count(),
  scope: oneOf(['Sidecar', 'Group']).default('Sidecar'),
  /** Buckets kept at a time, one per value of the header. */
  maxKeys: wholeNumber(1, MAX_KEYS).exactOptional(),
})
  // Envoy fills buckets continuously (measured on 1.36 and 1.40), so any burst goes with any rate: a small one spaces requests.
  .superRefine(({ key, maxKeys }, context) => {
    if (maxKeys !== undefined && key === undefined) {
      refuse(context, ['maxKeys'], 'no maxKeys, because the limit has no key', 'add key: { header: NAME }');
    }
  })
  .register(SPELLINGS, { dependencies: { maxKeys: ['key'] } })
  .transform(({ rate: ratePerSec, maxKeys, ...rest }) => ({
    ...rest,
    ratePerSec,
    maxKeys: maxKeys ?? (rest.key === undefined ? 1 : DEFAULT_MAX_KEYS),
  }));
