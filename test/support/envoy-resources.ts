import { encodeResource, type JsonObject, withoutNewerFields } from '../../src/base/codec/index.ts';
import { type Resource, TYPE_URL } from '../../src/core/resources/index.ts';

/**
 * Resources that a real Envoy runs, as small as they may be and without what the policy's have to hide failures (retries,
 * outlier detection): what is missing for a moment is seen. Waits are Envoy's defaults: a cluster that warms in vain takes 15 s.
 */

const EXTENSIONS = 'type.googleapis.com/envoy.extensions';

/** Where a resource takes those from that it needs. */
export const FROM_ADS: JsonObject = { ads: {}, resource_api_version: 'V3' };

export type ClusterOptions = {
  readonly source?: JsonObject;
  /** Changed to change the cluster. */
  readonly connectTimeoutSec?: number;
  /** Fields besides those, or instead. */
  readonly more?: JsonObject;
  /** Fields that came after it are left out. */
  readonly release?: string;
};

/** A cluster with its members by EDS under its own name. */
export function cluster(name: string, options: ClusterOptions = {}): Resource {
  const { source = FROM_ADS, connectTimeoutSec = 5, more = {}, release } = options;
  const json: JsonObject = {
    name,
    type: 'EDS',
    connect_timeout: `${connectTimeoutSec}s`,
    eds_cluster_config: { service_name: name, eds_config: source },
    ignore_health_on_host_removal: true,
    circuit_breakers: {
      thresholds: [{ max_connections: 20_000, max_pending_requests: 20_000, max_requests: 20_000 }],
    },
    ...more,
  };
  const known = release === undefined ? json : withoutNewerFields(TYPE_URL.cluster, json, release).json;
  return resource('cluster', name, known, [{ typeUrl: TYPE_URL.endpoint, name }]);
}

export type Host = { readonly port: number; readonly weight?: number; readonly health?: 'HEALTHY' | 'DRAINING' };

export function assignment(name: string, hosts: readonly Host[]): Resource {
  const members = hosts.map(({ port, weight = 1, health = 'HEALTHY' }) => ({
    endpoint: { address: loopback(port) },
    health_status: health,
    load_balancing_weight: weight,
  }));
  return resource('endpoint', name, { cluster_name: name, endpoints: [{ lb_endpoints: members }] });
}

/** A listener with its routes by RDS under its own name. With `accessLog`, each request leaves its response flags there. */
export function listener(
  name: string,
  port: number,
  options: { readonly source?: JsonObject; readonly accessLog?: string } = {},
): Resource {
  const { source = FROM_ADS, accessLog } = options;
  const manager: JsonObject = {
    '@type': `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: name,
    rds: { route_config_name: name, config_source: source },
    http_filters: [
      { name: 'envoy.filters.http.router', typed_config: { '@type': `${EXTENSIONS}.filters.http.router.v3.Router` } },
    ],
    ...(accessLog === undefined ? {} : { access_log: [fileLog(accessLog)] }),
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  const json = { name, address: loopback(port), filter_chains: [{ filters }] };
  return resource('listener', name, json, [{ typeUrl: TYPE_URL.route, name }]);
}

function fileLog(path: string): JsonObject {
  return {
    name: 'envoy.access_loggers.file',
    typed_config: {
      '@type': `${EXTENSIONS}.access_loggers.file.v3.FileAccessLog`,
      path,
      log_format: { text_format_source: { inline_string: '%RESPONSE_CODE% %RESPONSE_FLAGS% %UPSTREAM_CLUSTER%\n' } },
    },
  };
}

/** Routes of a listener: all traffic to these clusters in equal parts. */
export function routes(name: string, clusters: readonly string[]): Resource {
  const route = {
    timeout: '0s',
    weighted_clusters: { clusters: clusters.map((to) => ({ name: to, weight: 1 })) },
  };
  const json = {
    name,
    virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route }] }],
  };
  const needs = clusters.map((to) => ({ typeUrl: TYPE_URL.cluster, name: to }));
  return resource('route', name, json, needs);
}

export function resource(
  type: keyof typeof TYPE_URL,
  name: string,
  json: JsonObject,
  needs: Resource['needs'] = [],
): Resource {
  return { ...encodeResource({ typeUrl: TYPE_URL[type], name, json }), needs };
}

function loopback(port: number): JsonObject {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
