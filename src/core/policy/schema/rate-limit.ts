import type { z } from 'zod';
import type { RateLimit } from '../policy.ts';
import { count, mapping, oneOf, refuse, wholeNumber } from './shape.ts';
import { rate } from './units.ts';
import { className, headerName, label } from './words.ts';

export type RateLimitSpec = Omit<RateLimit, 'origin'>;

/** Envoy refuses a token bucket that is filled more often. */
const MIN_FILL_INTERVAL_MS = 50;
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
  .superRefine(({ rate: perSec, burst, key, maxKeys }, context) => {
    // A bucket that holds less than one fill loses the rest of it, and the limit would be lower than written.
    const perFill = Math.ceil((perSec * MIN_FILL_INTERVAL_MS) / 1000);
    if (burst < perFill) {
      const reason = `Envoy fills a bucket at most every ${MIN_FILL_INTERVAL_MS} ms`;
      refuse(context, ['burst'], `a burst of at least ${perFill} for this rate, because ${reason}`);
    }
    if (maxKeys !== undefined && key === undefined) {
      refuse(context, ['maxKeys'], 'no maxKeys, because the limit has no key', 'add key: { header: NAME }');
    }
  })
  .transform(({ rate: ratePerSec, maxKeys, ...rest }) => ({
    ...rest,
    ratePerSec,
    maxKeys: maxKeys ?? (rest.key === undefined ? 1 : DEFAULT_MAX_KEYS),
  }));
