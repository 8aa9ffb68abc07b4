import type { JsonObject } from '../../base/codec/index.ts';
import type { ModelService } from '../policy/index.ts';
import type { ClassRoute } from './classes.ts';
import { setHeader } from './message.ts';
import { routeMatch } from './route-match.ts';
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
export function shedRoute(service: ModelService, of?: ClassRoute): JsonObject {
  const { name } = service;
  return {
    name: of === undefined ? `${name}/shed` : `${name}/${of.class.name}/shed`,
    match: {
      ...routeMatch(service, of?.headers),
      runtime_fraction: {
        default_value: { numerator: 0, denominator: 'HUNDRED' },
        runtime_key: shedKey(name, of?.class.name),
      },
    },
    direct_response: { status: 503, body: { inline_string: BODY } },
    response_headers_to_add: [
      setHeader('retry-after', String(RETRY_AFTER_SEC)),
      setHeader('content-type', 'application/json'),
    ],
  };
}
