export type ResourceType = 'cluster' | 'endpoint' | 'listener' | 'route' | 'runtime' | 'secret' | 'extension';

const PREFIX = 'type.googleapis.com/';

export const TYPE_URL: Readonly<Record<ResourceType, string>> = {
  cluster: `${PREFIX}envoy.config.cluster.v3.Cluster`,
  endpoint: `${PREFIX}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  listener: `${PREFIX}envoy.config.listener.v3.Listener`,
  route: `${PREFIX}envoy.config.route.v3.RouteConfiguration`,
  runtime: `${PREFIX}envoy.service.runtime.v3.Runtime`,
  secret: `${PREFIX}envoy.extensions.transport_sockets.tls.v3.Secret`,
  extension: `${PREFIX}envoy.config.core.v3.TypedExtensionConfig`,
};

/** The order in which one tick's changes go out (make before break). */
export const SEND_ORDER: readonly string[] = [
  TYPE_URL.cluster,
  TYPE_URL.endpoint,
  TYPE_URL.secret,
  TYPE_URL.runtime,
  TYPE_URL.extension,
  TYPE_URL.listener,
  TYPE_URL.route,
];

/** Removals come last, what refers before what is referred to. Envoy gives up assignments itself when their cluster goes. */
export const REMOVE_ORDER: readonly string[] = [
  TYPE_URL.listener,
  TYPE_URL.route,
  TYPE_URL.extension,
  TYPE_URL.runtime,
  TYPE_URL.secret,
  TYPE_URL.cluster,
  TYPE_URL.endpoint,
];

/** `cds`, `eds`, … as metrics and people call them. Clients name types: without a prototype, `constructor` is none. */
export const TYPE_SHORT: Readonly<Record<string, string>> = Object.assign(Object.create(null) as object, {
  [TYPE_URL.cluster]: 'cds',
  [TYPE_URL.endpoint]: 'eds',
  [TYPE_URL.listener]: 'lds',
  [TYPE_URL.route]: 'rds',
  [TYPE_URL.runtime]: 'rtds',
  [TYPE_URL.secret]: 'sds',
  [TYPE_URL.extension]: 'ecds',
});
