import type { JsonObject } from '../../base/codec/index.ts';
import { protoDuration } from '../../base/units/index.ts';
import type { ModelService, RateLimit } from '../policy/index.ts';
import type { GroupClasses } from './classes.ts';
import { setHeader } from './message.ts';
import { SLOT } from './names.ts';
import { enforcedKey } from './runtime-keys.ts';
import { costEntries, costlyRateLimits, keyActions, limitsMetadata } from './token-cost.ts';

export const LOCAL_RATE_LIMIT = 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit';

/** Each filter reads only the descriptors of its stage. */
const STAGE = { Sidecar: 0, Group: 1 } as const;
const SLOT_OF = { Sidecar: SLOT.sidecarRateLimit, Group: SLOT.groupRateLimit } as const;

type Scope = RateLimit['scope'];

/** What a bucket of Envoy's can hold. */
const UINT32_MAX = 4_294_967_295;

/** Scopes whose filter has all of its limits itself: see {@link NamedLimit}. */
export type CostlyScopes = ReadonlySet<Scope>;

export function costlyScopes(services: readonly ModelService[], classes: GroupClasses | undefined): CostlyScopes {
  return new Set(
    services.flatMap(({ rateLimits }) =>
      rateLimits.filter((limit) => limit.cost !== undefined && concerns(limit, classes)).map(({ scope }) => scope),
    ),
  );
}

/**
 * What a route says about its limits (those of one class are in the routes of that class): only descriptors. The buckets live in the ECDS filter, because a changed route
 * configuration would refill every bucket that lives in it.
 */
export function rateLimitActions(
  service: ModelService,
  className: string | undefined,
  costly: CostlyScopes,
): readonly JsonObject[] {
  return limitsOf(service, className)
    .filter(({ scope }) => !costly.has(scope))
    .flatMap((limit) => {
      const named = { generic_key: { descriptor_key: 'limit', descriptor_value: bucketName(service, limit) } };
      return keyActions(limit).map((ofKey) => ({ stage: STAGE[limit.scope], actions: [named, ...ofKey] }));
    });
}

/** The same for filters that have their limits themselves: a route only names them. */
export function rateLimitMetadata(
  service: ModelService,
  className: string | undefined,
  costly: CostlyScopes,
): JsonObject {
  const named = limitsOf(service, className).filter(({ scope }) => costly.has(scope));
  return limitsMetadata(named.map((limit) => bucketName(service, limit)));
}

function limitsOf({ rateLimits }: ModelService, className: string | undefined): readonly RateLimit[] {
  return rateLimits.filter((limit) => limit.class === undefined || limit.class === className);
}

/**
 * The filter with the buckets of one scope. `sidecars` is how many share a group's limits (a bound, see
 * {@link sharers}). Without limits it lets everything pass.
 */
export function rateLimitFilter(
  services: readonly ModelService[],
  classes: GroupClasses | undefined,
  scope: Scope,
  sidecars: number,
): JsonObject {
  const limits = services.flatMap((service) =>
    service.rateLimits
      .filter((limit) => limit.scope === scope && concerns(limit, classes))
      .map((limit) => ({ limit, bucket: bucketName(service, limit) })),
  );
  const idle = idleRateLimitFilter(scope);
  if (limits.length === 0) return idle;
  const maxKeys = Math.max(...limits.map(({ limit }) => (limit.key === undefined ? 0 : limit.maxKeys)));
  return {
    ...idle,
    filter_enabled: { default_value: { numerator: 100, denominator: 'HUNDRED' } },
    filter_enforced: {
      default_value: { numerator: 100, denominator: 'HUNDRED' },
      runtime_key: enforcedKey(SLOT_OF[scope]),
    },
    always_consume_default_token_bucket: false,
    // How full the bucket is that counted, and when it has a token again; on every answer of a limited request.
    enable_x_ratelimit_headers: 'DRAFT_VERSION_03',
    response_headers_to_add: [setHeader('retry-after', String(retryAfterSec(limits.map(({ limit }) => limit))))],
    descriptors: limits.map(({ limit, bucket }) => ({
      entries: [
        { key: 'limit', value: bucket },
        ...(limit.key === undefined ? [] : [{ key: 'key' }]),
        ...costEntries(limit),
      ],
      token_bucket: tokenBucket(limit, scope === 'Group' ? sidecars : 1),
    })),
    ...(costlyScopes(services, classes).has(scope) ? { rate_limits: limits.flatMap(costlyRateLimits) } : {}),
    ...(maxKeys > 0 ? { max_dynamic_descriptors: maxKeys } : {}),
    ...(scope === 'Group' ? { local_cluster_rate_limit: {} } : {}),
  };
}

/** The default configuration of the slot: there, and without effect. */
export function idleRateLimitFilter(scope: Scope): JsonObject {
  return { stat_prefix: scope === 'Group' ? 'group_rate_limit' : 'sidecar_rate_limit', stage: STAGE[scope] };
}

/**
 * One for all limits of the filter, since Envoy knows no other; until the next token of the fastest: who waits for less is refused
 * again, who waited for the slowest would wait in vain.
 */
function retryAfterSec(limits: readonly RateLimit[]): number {
  return Math.max(1, Math.ceil(1 / Math.max(...limits.map(({ ratePerSec }) => ratePerSec))));
}

/** The next power of two: a sidecar that comes or goes rarely changes it, and a change would refill the buckets. */
export function sharers(sidecars: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, sidecars)));
}

function tokenBucket(limit: RateLimit, sidecars: number): JsonObject {
  // Envoy refills continuously at tokens/interval and keeps whole milliseconds; intervals of 1-2 s keep the error < 0.1 %.
  const perFill = Math.max(1, Math.ceil(limit.ratePerSec));
  const intervalMs = Math.round((perFill / limit.ratePerSec) * 1000);
  return {
    // Envoy takes what a request costs once for each sidecar that shares the limit: a smaller bucket would refuse every request.
    max_tokens: Math.min(UINT32_MAX, Math.max(1, Math.floor(limit.burst), sidecars * (limit.cost?.defaultTokens ?? 1))),
    tokens_per_fill: perFill,
    fill_interval: protoDuration(intervalMs),
  };
}

/** A bucket of a class that nobody in the group may choose would only be there. */
function concerns(limit: RateLimit, classes: GroupClasses | undefined): boolean {
  return limit.class === undefined || classes?.allowed.some(({ name }) => name === limit.class) === true;
}

function bucketName(service: ModelService, limit: RateLimit): string {
  return `${service.name}/${limit.name}`;
}
