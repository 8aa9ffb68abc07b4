import type { JsonObject } from '../../base/codec/index.ts';
import { protoDuration } from '../../base/units/index.ts';
import type { Listener, LoadBalancer, ModelService, Orca } from '../policy/index.ts';
import { MODEL_NOT_FOUND, readsBody } from './body-model.ts';
import { type ClassRoute, type GroupClasses, isReserved, namesOnly } from './classes.ts';
import { DEGRADED_HEADER, degradedCluster, degradedHeader, degradedMatch, degradesAny } from './degrade.ts';
import { makeResource, setHeader } from './message.ts';
import { type CostlyScopes, costlyScopes, rateLimitActions, rateLimitMetadata } from './rate-limit.ts';
import type { Resource } from './resource.ts';
import { retryPolicy } from './retry-policy.ts';
import { byParticularity, byPath, mayShareHeaders, pathAndHeaders, routeMatch } from './route-match.ts';
import { mirrorKey, SPLIT_WEIGHT_DEFAULT, splitPrefix } from './runtime-keys.ts';
import { carryingClustersOf, clustersOf } from './service-clusters.ts';
import { shedRoute } from './shed.ts';
import { TYPE_URL } from './type-url.ts';
import { virtualHosts } from './virtual-hosts.ts';

/** Prompts up to this size can be tried again; a longer one goes through and is not kept for a retry. */
const RETRY_BUFFER_BYTES = 8 * 1024 * 1024;

/** Of the whole group. */
type RouteContext = {
  readonly classes: GroupClasses | undefined;
  readonly release: string;
  readonly costly: CostlyScopes;
};

/** The route configuration of one listener, by the same name. */
export function compileRoutes(
  listener: Listener,
  services: readonly ModelService[],
  classes: GroupClasses | undefined,
  release: string,
): Resource {
  const { name, origin } = listener;
  const context = { classes, release, costly: costlyScopes(services, classes) };
  return makeResource({
    type: 'route',
    name,
    release,
    origin: services[0]?.origin ?? origin,
    // Where copies go is a service of the group too.
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
        routes: hostRoutes(host.services, context),
      })),
    },
  });
}

/**
 * Services of one path after the other. Where some of a path are told by model, the body of a request that came to none of them
 * yet is read on the route that it comes to, and then routes are tried again; the last of them answers what names no model of
 * theirs, so that it does not come to a service of a shorter path.
 */
function hostRoutes(services: readonly ModelService[], context: RouteContext): readonly JsonObject[] {
  const { release } = context;
  return byPath(services).flatMap((ofPath) => {
    const ofModels = ofPath.filter((one) => one.match.models !== undefined);
    return [
      ...ofPath.flatMap((service) => {
        const routes = serviceRoutes(service, context);
        return isBehind(service, ofModels) ? routes.map((route) => ({ ...route, ...readsBody(release) })) : routes;
      }),
      ...notFoundRoutes(ofModels, release),
    ];
  });
}

/** Whether a request can come to the service before it is known whether it is for one of those before it. */
function isBehind(service: ModelService, ofModels: readonly ModelService[]): boolean {
  return (
    service.match.models === undefined &&
    ofModels.some((one) => byParticularity(one, service) < 0 && mayShareHeaders(one.match, service.match))
  );
}

/** One for all services with the same headers. */
function notFoundRoutes(ofModels: readonly ModelService[], release: string): readonly JsonObject[] {
  const routes = new Map<string, JsonObject>();
  for (const { match } of ofModels) {
    const known = pathAndHeaders(match);
    routes.set(JSON.stringify(known), { match: known, ...MODEL_NOT_FOUND, ...readsBody(release) });
  }
  return [...routes.values()];
}

/** Envoy takes the first route that matches: what is shed, then what another pool takes, then the rest. */
function serviceRoutes(service: ModelService, { classes, costly }: RouteContext): readonly JsonObject[] {
  if (classes === undefined) return [shedRoute(service), compileRoute(service, costly)];
  const { allowed, header } = classes;
  return allowed.flatMap((one, i) => {
    // The last is the group's default. It takes what the others did not, whatever the client has written there.
    const headers = i < allowed.length - 1 ? namesOnly(classes, one) : [];
    const of: ClassRoute = { class: one, header, headers };
    const degraded = degradedCluster(service, one.name);
    return [
      shedRoute(service, of),
      ...(degraded === undefined ? [] : [degradedRoute(service, costly, of, degraded)]),
      compileRoute(service, costly, of),
    ];
  });
}

function compileRoute(service: ModelService, costly: CostlyScopes, of?: ClassRoute): JsonObject {
  const { name } = service;
  const headers = requestHeaders(service, of);
  return {
    name: of === undefined ? name : `${name}/${of.class.name}`,
    match: routeMatch(service, of?.headers),
    route: {
      ...target(service),
      ...mirrorPolicies(service),
      ...action(service, costly, of, service.split !== undefined),
    },
    ...rateLimitMetadata(service, of?.class.name, costly),
    ...(of === undefined ? {} : { stat_prefix: `${name}.${of.class.name}` }),
    ...(headers.length === 0 ? {} : { request_headers_to_add: headers }),
    ...(degradesAny(service) ? { request_headers_to_remove: [DEGRADED_HEADER] } : {}),
    ...(asksForLoad(service.orca) ? { response_headers_to_remove: LOAD_HEADERS } : {}),
  };
}

/** The part of a class that the ladder moves to one pool, marked for the client and the server. */
function degradedRoute(service: ModelService, costly: CostlyScopes, of: ClassRoute, cluster: string): JsonObject {
  const marked = degradedHeader(cluster);
  return {
    name: `${service.name}/${of.class.name}/degraded`,
    match: { ...routeMatch(service, of.headers), ...degradedMatch(service, of.class.name) },
    // Whoever would have answered stands behind the pool.
    route: { cluster, ...action(service, costly, of, true) },
    ...rateLimitMetadata(service, of.class.name, costly),
    stat_prefix: `${service.name}.${of.class.name}.degraded`,
    request_headers_to_add: [...requestHeaders(service, of), marked],
    response_headers_to_add: [marked],
    ...(asksForLoad(service.orca) ? { response_headers_to_remove: LOAD_HEADERS } : {}),
  };
}

/** What becomes of a request, wherever it goes. `othersBehind`: whether there are servers for its last try. */
function action(
  service: ModelService,
  costly: CostlyScopes,
  of: ClassRoute | undefined,
  othersBehind: boolean,
): JsonObject {
  const settings = service.classes?.find((one) => one.class === of?.class.name) ?? service;
  const { timeouts } = settings;
  const limits = rateLimitActions(service, of?.class.name, costly);
  return {
    // Envoy's default is 15 s, which no long answer survives; 0 is none.
    timeout: protoDuration(timeouts.requestMs),
    idle_timeout: protoDuration(timeouts.streamIdleMs),
    retry_policy: retryPolicy(settings, { othersBehind }),
    ...hashPolicy(service.loadBalancer),
    ...(of !== undefined && isReserved(of.class) ? { priority: 'HIGH' } : {}),
    ...(limits.length === 0 ? {} : { rate_limits: limits }),
  };
}

function requestHeaders(service: ModelService, of: ClassRoute | undefined): readonly JsonObject[] {
  return [...orcaHeaders(service.orca), ...(of === undefined ? [] : [setHeader(of.header, of.class.name)])];
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
      clusters: carryingClustersOf(service).map((cluster) => ({ name: cluster.name, weight: SPLIT_WEIGHT_DEFAULT })),
      runtime_key_prefix: splitPrefix(name),
    },
  };
}

/** The share is a runtime value, as those of a fixed split are. */
function mirrorPolicies({ name, mirror }: ModelService): JsonObject {
  if (mirror === undefined) return {};
  const share = { default_value: { numerator: 0, denominator: 'HUNDRED' }, runtime_key: mirrorKey(name) };
  return { request_mirror_policies: [{ cluster: mirror.toService, runtime_fraction: share }] };
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
