import type { JsonObject } from '../../base/codec/index.ts';
import { protoDuration } from '../../base/units/index.ts';
import type { Listener, LoadBalancer, ModelService, Orca, Retry, Timeouts } from '../policy/index.ts';
import { type ClassRoute, type GroupClasses, isReserved } from './classes.ts';
import { extension, makeResource, setHeader } from './message.ts';
import { rateLimitActions } from './rate-limit.ts';
import type { Resource } from './resource.ts';
import { SPLIT_WEIGHT_DEFAULT, splitPrefix } from './runtime-keys.ts';
import { clustersOf } from './service-clusters.ts';
import { shedRoute } from './shed.ts';
import { TYPE_URL } from './type-url.ts';
import { virtualHosts } from './virtual-hosts.ts';

/**
 * With weights that differ by 20:1 a heavy host that fails is picked again and again; 20 picks save half of those
 * retries, 5 a quarter (measured on 1.36 and 1.40).
 */
const HOST_SELECTION_ATTEMPTS = 20;

/** Prompts up to this size can be tried again; a longer one goes through and is not kept for a retry. */
const RETRY_BUFFER_BYTES = 8 * 1024 * 1024;

/** The route configuration of one listener, by the same name. */
export function compileRoutes(
  listener: Listener,
  services: readonly ModelService[],
  classes: GroupClasses | undefined,
  release: string,
): Resource {
  const { name, origin } = listener;
  return makeResource({
    type: 'route',
    name,
    release,
    origin: services[0]?.origin ?? origin,
    needs: services.flatMap((service) =>
      clustersOf(service).map(({ name: to }) => ({ typeUrl: TYPE_URL.cluster, name: to })),
    ),
    json: {
      name,
      // Clients may write `Host: llama:8000` for the hostname `llama`.
      ignore_port_in_host_matching: true,
      virtual_hosts: virtualHosts(services).map((host) => ({
        name: host.name,
        domains: host.domains,
        request_body_buffer_limit: RETRY_BUFFER_BYTES,
        routes: host.services.flatMap((service) => serviceRoutes(service, classes)),
      })),
    },
  });
}

/** A shed must come first: Envoy takes the first route that matches. */
function serviceRoutes(service: ModelService, classes: GroupClasses | undefined): readonly JsonObject[] {
  if (classes === undefined) return [shedRoute(service), compileRoute(service)];
  const { allowed, header } = classes;
  return allowed.flatMap((one, i) => {
    // The last is the group's default. It takes what the others did not, whatever the client has written there.
    const named = i < allowed.length - 1 ? [{ name: header, string_match: { exact: one.name } }] : [];
    const of: ClassRoute = { class: one, header, match: named.length === 0 ? {} : { headers: named } };
    return [shedRoute(service, of), compileRoute(service, of)];
  });
}

function compileRoute(service: ModelService, of?: ClassRoute): JsonObject {
  const { timeouts, name, match } = service;
  const limits = rateLimitActions(service, of?.class.name);
  const headers = [...orcaHeaders(service.orca), ...(of === undefined ? [] : [setHeader(of.header, of.class.name)])];
  return {
    name: of === undefined ? name : `${name}/${of.class.name}`,
    match: { prefix: match.pathPrefix, ...of?.match },
    route: {
      ...target(service),
      // Envoy's default is 15 s, which no long answer survives; 0 is none.
      timeout: protoDuration(timeouts.requestMs),
      idle_timeout: protoDuration(timeouts.streamIdleMs),
      retry_policy: retryPolicy(service, timeouts),
      ...hashPolicy(service.loadBalancer),
      ...(of !== undefined && isReserved(of.class) ? { priority: 'HIGH' } : {}),
      ...(limits.length === 0 ? {} : { rate_limits: limits }),
    },
    ...(of === undefined ? {} : { stat_prefix: `${name}.${of.class.name}` }),
    ...(headers.length === 0 ? {} : { request_headers_to_add: headers }),
    ...(asksForLoad(service.orca) ? { response_headers_to_remove: LOAD_HEADERS } : {}),
  };
}

/** Requests without the header go anywhere. */
function hashPolicy({ hash }: LoadBalancer): JsonObject {
  return hash === undefined ? {} : { hash_policy: [{ header: { header_name: hash.header } }] };
}

/**
 * Where the requests go. The weights of a fixed split are runtime values; those in the route never change, so that no edit of
 * a share is an edit of the route.
 */
function target(service: ModelService): JsonObject {
  const { name, split } = service;
  if (split?.kind !== 'Fixed') return { cluster: name };
  return {
    weighted_clusters: {
      clusters: clustersOf(service).map((cluster) => ({ name: cluster.name, weight: SPLIT_WEIGHT_DEFAULT })),
      runtime_key_prefix: splitPrefix(name),
    },
  };
}

const LOAD_HEADERS = ['endpoint-load-metrics', 'endpoint-load-metrics-bin'];

/**
 * vLLM and Triton say their load only to who asks. Then it is Envoy that asked, for itself: clients neither choose the format
 * nor learn how full the server is. The router reads the answer before it is taken out.
 */
function orcaHeaders(orca: Orca | undefined): readonly JsonObject[] {
  if (!asksForLoad(orca)) return [];
  // In lower case: Triton knows no other.
  return [setHeader('endpoint-load-metrics-format', orca.requestFormat.toLowerCase())];
}

function asksForLoad(orca: Orca | undefined): orca is Orca {
  return orca !== undefined && orca.requestFormat !== 'None';
}

/**
 * The per-try time-outs live in the retry policy, so there is one even when retries are off. `per_try_timeout` ends with
 * the response headers (router.cc: it is ignored once the response has started), so it never cuts a stream.
 */
function retryPolicy({ retry, split }: ModelService, timeouts: Timeouts): JsonObject {
  const { responseHeadersMs, perTryIdleMs } = timeouts;
  return {
    retry_on: retry.numRetries > 0 ? retry.retryOn.join(',') : '',
    num_retries: retry.numRetries,
    ...(responseHeadersMs > 0 ? { per_try_timeout: protoDuration(responseHeadersMs) } : {}),
    ...(perTryIdleMs > 0 ? { per_try_idle_timeout: protoDuration(perTryIdleMs) } : {}),
    ...(retry.numRetries > 0 ? retryTargets(retry) : {}),
    ...(retry.numRetries > 0 && split !== undefined ? retryBehind(retry) : {}),
  };
}

/**
 * Where others stand behind the servers of a tier or of a pool, the last try goes to them: a tier that died as a whole would
 * otherwise use up all tries before its servers are ejected. The first retry stays, since mostly one server alone is at fault.
 */
function retryBehind({ numRetries }: Retry): JsonObject {
  return {
    retry_priority: extension(
      'envoy.retry_priorities.previous_priorities',
      'envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig',
      { update_frequency: Math.min(2, numRetries) },
    ),
  };
}

function retryTargets(retry: Retry): JsonObject {
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
