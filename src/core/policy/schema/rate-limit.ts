import type { z } from 'zod';
import type { RateLimit } from '../policy.ts';
import { count, mapping, matching, oneOf, refuse, wholeNumber } from './shape.ts';
import { SPELLINGS } from './spelling.ts';
import { rate } from './units.ts';
import { className, headerName, label } from './words.ts';

export type RateLimitSpec = Omit<RateLimit, 'origin'>;

const MAX_KEYS = 100_000;
/** Envoy takes no larger one, and nine digits are what is read of a header. */
const MAX_COST = 999_999_999;
const DEFAULT_MAX_KEYS = 1000;

/** Its name stands in a format string of Envoy's, where other characters mean something. */
const costHeader = matching(/^[a-z0-9][a-z0-9_-]{0,255}$/, 'the name of a header in lower case, such as x-tokens');

export const rateLimit: z.ZodType<RateLimitSpec> = mapping({
  name: label(),
  class: className().exactOptional(),
  key: mapping({ header: headerName() }).exactOptional(),
  /** Tokens of a request in place of one. */
  cost: mapping({ header: costHeader, default: wholeNumber(1, MAX_COST).default(1) }).exactOptional(),
  rate: rate(),
  burst: count(),
  scope: oneOf(['Sidecar', 'Group']).default('Sidecar'),
  /** Buckets kept at a time, one per value of the header. */
  maxKeys: wholeNumber(1, MAX_KEYS).exactOptional(),
})
  // Envoy fills buckets continuously (measured on 1.36 and 1.40), so any burst goes with any rate: a small one spaces requests.
  .superRefine(({ key, maxKeys, cost, burst }, context) => {
    if (cost !== undefined && cost.default > burst) {
      const hint = 'a request that says nothing of its cost would never pass';
      refuse(context, ['cost', 'default'], `at most burst, which is ${burst}`, hint);
    }
    if (maxKeys !== undefined && key === undefined) {
      refuse(context, ['maxKeys'], 'no maxKeys, because the limit has no key', 'add key: { header: NAME }');
    }
  })
  .register(SPELLINGS, { dependencies: { maxKeys: ['key'] } })
  .transform(({ rate: ratePerSec, maxKeys, cost, ...rest }) => ({
    ...rest,
    ...(cost === undefined ? {} : { cost: { header: cost.header, defaultTokens: cost.default } }),
    ratePerSec,
    maxKeys: maxKeys ?? (rest.key === undefined ? 1 : DEFAULT_MAX_KEYS),
  }));
