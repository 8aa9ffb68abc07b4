export type ResourceType = 'cluster' | 'endpoint' | 'listener' | 'route' | 'runtime' | 'extension';

const PREFIX = 'type.googleapis.com/';

export const TYPE_URL: Readonly<Record<ResourceType, string>> = {
  cluster: `${PREFIX}envoy.config.cluster.v3.Cluster`,
  endpoint: `${PREFIX}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  listener: `${PREFIX}envoy.config.listener.v3.Listener`,
  route: `${PREFIX}envoy.config.route.v3.RouteConfiguration`,
  runtime: `${PREFIX}envoy.service.runtime.v3.Runtime`,
  extension: `${PREFIX}envoy.config.core.v3.TypedExtensionConfig`,
};

/** The order in which one tick's changes go out (make before break); removals follow in reverse. */
export const SEND_ORDER: readonly string[] = [
  TYPE_URL.cluster,
  TYPE_URL.endpoint,
  TYPE_URL.runtime,
  TYPE_URL.extension,
  TYPE_URL.listener,
  TYPE_URL.route,
];

/** `cds`, `eds`, … as metrics and people call them. */
export const TYPE_SHORT: Readonly<Record<string, string>> = {
  [TYPE_URL.cluster]: 'cds',
  [TYPE_URL.endpoint]: 'eds',
  [TYPE_URL.listener]: 'lds',
  [TYPE_URL.route]: 'rds',
  [TYPE_URL.runtime]: 'rtds',
  [TYPE_URL.extension]: 'ecds',
};
