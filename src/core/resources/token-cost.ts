import type { JsonObject } from '../../base/codec/index.ts';
import type { RateLimit } from '../policy/index.ts';

/**
 * Limits in which a request costs what a header says of it. Envoy takes a cost only from the filter's own `rate_limits`, not from
 * those of a route (measured on 1.36 to 1.40), and with these it overlooks the route's. So where a filter has such a limit, all of its
 * limits stand there, and a route names those that are for it in its metadata.
 */
export type NamedLimit = { readonly limit: RateLimit; readonly bucket: string };

const NAMESPACE = 'loadline.limits';
/** Whoever could write a cost that Envoy does not understand would not be counted at all. One to nine digits, no leading zero. */
const COST = '[1-9][0-9]{0,8}';
const NO_COST = '|[^1-9].*|[1-9].*[^0-9].*|[1-9][0-9]{9,}';

/** What a route has for its limits in a filter that has them itself. */
export function limitsMetadata(buckets: readonly string[]): JsonObject {
  if (buckets.length === 0) return {};
  return {
    metadata: { filter_metadata: { [NAMESPACE]: Object.fromEntries(buckets.map((bucket) => [bucket, bucket])) } },
  };
}

/** The descriptors of a limit for a route that names it: one of each kind at most applies to a request. */
export function costlyRateLimits({ limit, bucket }: NamedLimit): readonly JsonObject[] {
  const named: JsonObject = {
    metadata: {
      descriptor_key: 'limit',
      metadata_key: { key: NAMESPACE, path: [{ key: bucket }] },
      source: 'ROUTE_ENTRY',
    },
  };
  return keyActions(limit).flatMap((ofKey) => {
    if (limit.cost === undefined) return [{ actions: [named, ...ofKey] }];
    const { header, defaultTokens } = limit.cost;
    return [
      { actions: [named, ...ofKey, costAction(header, true)], hits_addend: { format: `%REQ(${header})%` } },
      { actions: [named, ...ofKey, costAction(header, false)], hits_addend: { number: defaultTokens } },
    ];
  });
}

/** The entries by which the bucket is found, in the order of the actions. */
export function costEntries({ cost }: RateLimit): readonly JsonObject[] {
  return cost === undefined ? [] : [{ key: 'cost', value: 'counted' }];
}

/**
 * Without the header Envoy makes no descriptor at all: leaving the key out would be the way round the limit. So all requests
 * without it share the bucket of one key.
 */
export function keyActions({ key }: RateLimit): readonly (readonly JsonObject[])[] {
  if (key === undefined) return [[]];
  const { header: name } = key;
  return [
    [{ request_headers: { header_name: name, descriptor_key: 'key' } }],
    [
      {
        header_value_match: {
          descriptor_key: 'key',
          descriptor_value: '(none)',
          expect_match: false,
          headers: [{ name, present_match: true }],
        },
      },
    ],
  ];
}

/** Both have the same entry, so that both take from one bucket. Of several lines of the header, one that says nothing spoils all. */
function costAction(name: string, says: boolean): JsonObject {
  return {
    header_value_match: {
      descriptor_key: 'cost',
      descriptor_value: 'counted',
      expect_match: says,
      headers: [
        { name, string_match: { safe_regex: { regex: COST } } },
        { name, string_match: { safe_regex: { regex: NO_COST } }, invert_match: true },
      ],
    },
  };
}
