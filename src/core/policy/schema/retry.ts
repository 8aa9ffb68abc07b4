import type { z } from 'zod';
import { formatDuration } from '../../../base/units/index.ts';
import type { Retry } from '../policy.ts';
import { nearest } from '../text/nearest.ts';
import { list, mapping, nonEmptyList, readText, refuse, wholeNumber } from './shape.ts';
import { duration, percent } from './units.ts';

export const BY_STATUS = 'retriable-status-codes';
const DEFAULT_RETRY_ON = ['connect-failure', 'refused-stream', 'reset-before-request', BY_STATUS];
export const DEFAULT_STATUS_CODES: readonly number[] = [429, 503];

/**
 * Envoy's `retry_on` and `retry_grpc_on` words. Envoy ignores a word that it does not know without a sound, so the list
 * is closed here.
 */
const RETRY_ON: readonly string[] = [
  ...['5xx', 'gateway-error', 'reset', 'reset-before-request', 'connect-failure', 'envoy-ratelimited'],
  ...['retriable-4xx', 'refused-stream', BY_STATUS],
  ...['cancelled', 'deadline-exceeded', 'internal', 'resource-exhausted', 'unavailable'],
];

/** Words of Envoy that need a setting which policies do not have. */
const WITHOUT_EFFECT: readonly string[] = ['retriable-headers', 'http3-post-connect-failure'];

export const retryWord: z.ZodType<string> = readText(
  `one of ${RETRY_ON.join(', ')}`,
  (text) => (RETRY_ON.includes(text) ? text : undefined),
  (text) => {
    const near = nearest(text, RETRY_ON);
    if (near !== undefined) return `did you mean ${near}?`;
    if (WITHOUT_EFFECT.includes(text)) return 'nothing in this language could make it act';
    return text.includes(',') ? 'write a list: [a, b]' : undefined;
  },
  { enum: RETRY_ON },
);

export const MAX_RETRIES = 10;
export const statusCode: z.ZodType<number> = wholeNumber(100, 599);

const backOff = mapping({
  baseInterval: duration(1, 60_000).prefault('25ms'),
  maxInterval: duration(1, 600_000).exactOptional(),
})
  .prefault({})
  .superRefine(({ baseInterval, maxInterval }, context) => {
    if (maxInterval !== undefined && maxInterval < baseInterval) {
      refuse(context, ['maxInterval'], `at least baseInterval, which is ${formatDuration(baseInterval)}`);
    }
  })
  .transform(({ baseInterval, maxInterval }) => ({
    baseIntervalMs: baseInterval,
    maxIntervalMs: maxInterval ?? 10 * baseInterval, // as Envoy does
  }));

export const retry: z.ZodType<Retry> = mapping({
  numRetries: wholeNumber(0, MAX_RETRIES).default(2),
  retryOn: nonEmptyList(
    retryWord,
    'a list of at least one retry condition (numRetries: 0 switches retries off)',
  ).default(() => [...DEFAULT_RETRY_ON]),
  retriableStatusCodes: list(statusCode, 'a list of status codes').exactOptional(),
  backOff,
  retryAfter: mapping({ maxInterval: duration(1).prefault('30s') }).prefault({}),
  budget: mapping({
    percent: percent().prefault('5%'),
    minRetryConcurrency: wholeNumber(0, 1_000_000).default(3),
  }).prefault({}),
})
  .prefault({})
  .superRefine(({ retryOn, retriableStatusCodes: codes }, context) => {
    const byStatus = retryOn.includes(BY_STATUS);
    if (codes !== undefined && codes.length > 0 && !byStatus) {
      refuse(context, ['retriableStatusCodes'], `no status codes, because retryOn lacks ${BY_STATUS}`);
    }
    if (codes?.length === 0 && byStatus) {
      refuse(context, ['retriableStatusCodes'], `at least one status code, because retryOn has ${BY_STATUS}`);
    }
  })
  .transform(({ retryOn, retriableStatusCodes, retryAfter, ...rest }) => ({
    ...rest,
    retryOn,
    retriableStatusCodes: retryOn.includes(BY_STATUS) ? (retriableStatusCodes ?? DEFAULT_STATUS_CODES) : [],
    retryAfter: { maxIntervalMs: retryAfter.maxInterval },
  }));
