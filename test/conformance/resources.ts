import { encodeMessage, type JsonObject } from '../../src/base/codec/index.ts';
import { TYPES, type TypeName } from './protocol.ts';

/** A resource as data. `needs` is what the protocol calls a reference: a cluster its assignment, a route its clusters. */
export type Spec = {
  readonly type: TypeName;
  readonly name: string;
  readonly json: JsonObject;
  readonly needs: readonly { readonly type: TypeName; readonly name: string }[];
  readonly ttlMs?: number;
};

const ADS: JsonObject = { ads: {}, resource_api_version: 'V3' };

/** A resource of any type that needs nothing else. Another `rev` is another content; equal ones are equal bytes. */
export function resource(type: TypeName, name: string, rev = 1): Spec {
  return { type, name, json: { [TYPES[type].nameField]: name, ...CONTENT[type](rev) }, needs: [] };
}

const CONTENT: Readonly<Record<TypeName, (rev: number) => JsonObject>> = {
  cds: (rev) => ({ type: 'STATIC', connect_timeout: `${rev}s` }),
  eds: (rev) => ({ endpoints: [{ lb_endpoints: [{ endpoint: hostAt(9101), load_balancing_weight: rev }] }] }),
  lds: (rev) => ({ stat_prefix: `r${rev}`, address: address(10_000) }),
  rds: (rev) => ({
    virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: `/${rev}` }, redirect: {} }] }],
  }),
  rtds: (rev) => ({ layer: { rev } }),
  sds: (rev) => ({ generic_secret: { secret: { inline_string: `s${rev}` } } }),
  ecds: (rev) => ({
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
      upstream_log_options: { upstream_log_flush_interval: `${rev}s` },
    },
  }),
};

/** A cluster whose members come by EDS under its own name. */
export function edsCluster(name: string, rev = 1): Spec {
  return {
    type: 'cds',
    name,
    json: { name, type: 'EDS', connect_timeout: `${rev}s`, eds_cluster_config: { eds_config: ADS } },
    needs: [{ type: 'eds', name }],
  };
}

/** The cluster of a name and its assignment. */
export function clusterWithHosts(name: string, rev = 1): Spec[] {
  return [edsCluster(name, rev), resource('eds', name)];
}

/** An explicit empty one: the cluster has no host, which is not the same as an unknown assignment. */
export function emptyAssignment(name: string): Spec {
  return { type: 'eds', name, json: { cluster_name: name }, needs: [] };
}

/** A listener that takes its routes by RDS under its own name. */
export function routedListener(name: string, rev = 1): Spec {
  const manager =
    'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  const typed_config: JsonObject = {
    '@type': manager,
    stat_prefix: `r${rev}`,
    rds: { route_config_name: name, config_source: ADS },
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config }];
  const json = { name, address: address(10_000), filter_chains: [{ filters }] };
  return { type: 'lds', name, json, needs: [{ type: 'rds', name }] };
}

/** A route configuration whose traffic goes to these clusters in equal parts. */
export function routeTo(name: string, ...clusters: readonly string[]): Spec {
  const route = { weighted_clusters: { clusters: clusters.map((cluster) => ({ name: cluster, weight: 1 })) } };
  const virtualHost = { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route }] };
  const needs = clusters.map((cluster) => ({ type: 'cds' as const, name: cluster }));
  return { type: 'rds', name, json: { name, virtual_hosts: [virtualHost] }, needs };
}

export function withTtl(spec: Spec, ttlMs: number): Spec {
  return { ...spec, ttlMs };
}

/** What a client must find in the resource's body, whatever the variant. */
export function bodyOf(spec: Spec): Buffer {
  return Buffer.from(encodeMessage(TYPES[spec.type].url, spec.json));
}

function hostAt(port: number): JsonObject {
  return { address: address(port) };
}

function address(port: number): JsonObject {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
