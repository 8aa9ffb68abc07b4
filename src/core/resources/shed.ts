import type { JsonObject } from '../../base/codec/index.ts';
import type { ModelService } from '../policy/index.ts';
import { shedKey } from './runtime-keys.ts';

const RETRY_AFTER_SEC = 5;
const BODY = JSON.stringify({
  error: { message: 'load is shed for now; try again later', type: 'overloaded', code: 'load_shed' },
});

/**
 * The route that answers a part of a service's requests with 503, at once. It stands before the service's own from the first
 * version and matches nothing until its runtime key says how many of a hundred: beginning a shed changes no structure. Not the
 * fault filter: what it aborts has taken tokens from the rate limits before it, and carries no Retry-After.
 */
export function shedRoute({ name, match }: ModelService): JsonObject {
  return {
    name: `${name}/shed`,
    match: {
      prefix: match.pathPrefix,
      runtime_fraction: {
        default_value: { numerator: 0, denominator: 'HUNDRED' },
        runtime_key: shedKey(name),
      },
    },
    direct_response: { status: 503, body: { inline_string: BODY } },
    response_headers_to_add: [
      header('retry-after', String(RETRY_AFTER_SEC)),
      header('content-type', 'application/json'),
    ],
  };
}

function header(key: string, value: string): JsonObject {
  return { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' };
}
