import type { JsonObject } from '../../base/codec/index.ts';
import { protoDuration } from '../../base/units/index.ts';
import type { ClassSettings } from '../policy/index.ts';
import { extension } from './message.ts';

/**
 * With weights that differ by 20:1 a heavy host that fails is picked again and again; 20 picks save half of those
 * retries, 5 a quarter (measured on 1.36 and 1.40).
 */
const HOST_SELECTION_ATTEMPTS = 20;

/**
 * The per-try time-outs live in the retry policy, so there is one even when retries are off. `per_try_timeout` ends with
 * the response headers (router.cc: it is ignored once the response has started), so it never cuts a stream.
 */
export function retryPolicy(
  { retry, timeouts }: Pick<ClassSettings, 'retry' | 'timeouts'>,
  { othersBehind }: { readonly othersBehind: boolean },
): JsonObject {
  const { responseHeadersMs, perTryIdleMs } = timeouts;
  return {
    retry_on: retry.numRetries > 0 ? retry.retryOn.join(',') : '',
    num_retries: retry.numRetries,
    ...(responseHeadersMs > 0 ? { per_try_timeout: protoDuration(responseHeadersMs) } : {}),
    ...(perTryIdleMs > 0 ? { per_try_idle_timeout: protoDuration(perTryIdleMs) } : {}),
    ...(retry.numRetries > 0 ? retryTargets(retry) : {}),
    ...(retry.numRetries > 0 && othersBehind ? retryBehind(retry) : {}),
  };
}

/**
 * Where others stand behind the servers of a tier or of a pool, the last try goes to them: a tier that died as a whole would
 * otherwise use up all tries before its servers are ejected. The first retry stays, since mostly one server alone is at fault.
 */
function retryBehind({ numRetries }: ClassSettings['retry']): JsonObject {
  return {
    retry_priority: extension(
      'envoy.retry_priorities.previous_priorities',
      'envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig',
      { update_frequency: Math.min(2, numRetries) },
    ),
  };
}

function retryTargets(retry: ClassSettings['retry']): JsonObject {
  const { backOff, retryAfter } = retry;
  return {
    retriable_status_codes: [...new Set(retry.retriableStatusCodes)].sort((a, b) => a - b),
    retry_host_predicate: [
      extension(
        'envoy.retry_host_predicates.previous_hosts',
        'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
      ),
    ],
    host_selection_retry_max_attempts: HOST_SELECTION_ATTEMPTS,
    retry_back_off: {
      base_interval: protoDuration(backOff.baseIntervalMs),
      max_interval: protoDuration(Math.max(backOff.baseIntervalMs, backOff.maxIntervalMs)),
    },
    ...(retryAfter.maxIntervalMs === 0
      ? {}
      : {
          rate_limited_retry_back_off: {
            reset_headers: [{ name: 'retry-after', format: 'SECONDS' }],
            max_interval: protoDuration(retryAfter.maxIntervalMs),
          },
        }),
  };
}
