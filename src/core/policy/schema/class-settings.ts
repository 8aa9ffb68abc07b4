import type { z } from 'zod';
import { formatDuration } from '../../../base/units/index.ts';
import type { ClassSettings, Retry, Timeouts } from '../policy.ts';
import { BY_STATUS, DEFAULT_STATUS_CODES, MAX_RETRIES, retryWord, statusCode } from './retry.ts';
import { list, mapping, nonEmptyList, refuse, wholeNumber } from './shape.ts';
import { duration, durationOrNone } from './units.ts';
import { className } from './words.ts';

/** As it is written: what is not said is as in the service, which is known there alone. */
export type ClassSettingsSpec = {
  readonly class: string;
  readonly timeouts?: {
    readonly responseHeaders?: number;
    readonly perTryIdle?: number;
    readonly streamIdle?: number;
    readonly request?: number;
  };
  readonly retry?: Partial<Pick<Retry, 'numRetries' | 'retryOn' | 'retriableStatusCodes'>> & {
    readonly backOff?: { readonly baseInterval?: number; readonly maxInterval?: number };
    readonly retryAfter?: { readonly maxInterval: number };
  };
};

type Shared = { readonly timeouts: Timeouts; readonly retry: Retry };

/** Without what is a matter of the cluster, which all classes share: connecting, and the budget of retries. */
export const classSettings: z.ZodType<ClassSettingsSpec> = mapping({
  class: className(),
  timeouts: mapping({
    responseHeaders: durationOrNone().exactOptional(),
    perTryIdle: durationOrNone().exactOptional(),
    streamIdle: durationOrNone().exactOptional(),
    request: durationOrNone().exactOptional(),
  }).exactOptional(),
  retry: mapping({
    numRetries: wholeNumber(0, MAX_RETRIES).exactOptional(),
    retryOn: nonEmptyList(
      retryWord,
      'a list of at least one retry condition (numRetries: 0 switches retries off)',
    ).exactOptional(),
    retriableStatusCodes: list(statusCode, 'a list of status codes').exactOptional(),
    backOff: mapping({
      baseInterval: duration(1, 60_000).exactOptional(),
      maxInterval: duration(1, 600_000).exactOptional(),
    }).exactOptional(),
    retryAfter: mapping({ maxInterval: duration(1) }).exactOptional(),
  }).exactOptional(),
}).superRefine(({ timeouts, retry }, context) => {
  if (timeouts === undefined && retry === undefined) refuse(context, [], 'timeouts or retry of the class');
});

/** What holds for the class, as its own words and those of the service have it. */
export function resolvedSettings(
  { class: name, timeouts = {}, retry = {} }: ClassSettingsSpec,
  service: Shared,
): ClassSettings {
  const { connectMs: _, ...shared } = service.timeouts;
  const { budget: _budget, ...same } = service.retry;
  const retryOn = retry.retryOn ?? same.retryOn;
  const codes = same.retriableStatusCodes.length > 0 ? same.retriableStatusCodes : DEFAULT_STATUS_CODES;
  const { baseInterval, maxInterval } = retry.backOff ?? {};
  return {
    class: name,
    timeouts: {
      responseHeadersMs: timeouts.responseHeaders ?? shared.responseHeadersMs,
      perTryIdleMs: timeouts.perTryIdle ?? shared.perTryIdleMs,
      streamIdleMs: timeouts.streamIdle ?? shared.streamIdleMs,
      requestMs: timeouts.request ?? shared.requestMs,
    },
    retry: {
      numRetries: retry.numRetries ?? same.numRetries,
      retryOn,
      retriableStatusCodes: retryOn.includes(BY_STATUS) ? (retry.retriableStatusCodes ?? codes) : [],
      backOff: {
        baseIntervalMs: baseInterval ?? same.backOff.baseIntervalMs,
        // As in a service: ten times the first, where that is all that is said.
        maxIntervalMs: maxInterval ?? (baseInterval === undefined ? same.backOff.maxIntervalMs : 10 * baseInterval),
      },
      retryAfter: { maxIntervalMs: retry.retryAfter?.maxInterval ?? same.retryAfter.maxIntervalMs },
    },
  };
}

/** What does not go together, of the class's own words and those of the service. */
export function refuseClassSettings(
  written: ClassSettingsSpec,
  service: Shared,
  index: number,
  context: z.core.$RefinementCtx,
): void {
  const { retry } = resolvedSettings(written, service);
  const at = ['classes', index, 'retry'];
  const codes = written.retry?.retriableStatusCodes;
  const byStatus = retry.retryOn.includes(BY_STATUS);
  if (codes !== undefined && codes.length > 0 && !byStatus) {
    refuse(context, [...at, 'retriableStatusCodes'], `no status codes, because retryOn lacks ${BY_STATUS}`);
  }
  if (codes?.length === 0 && byStatus) {
    refuse(context, [...at, 'retriableStatusCodes'], `at least one status code, because retryOn has ${BY_STATUS}`);
  }
  const { baseIntervalMs, maxIntervalMs } = retry.backOff;
  if (maxIntervalMs < baseIntervalMs) {
    refuse(
      context,
      [...at, 'backOff', 'maxInterval'],
      `at least baseInterval, which is ${formatDuration(baseIntervalMs)}`,
    );
  }
}
