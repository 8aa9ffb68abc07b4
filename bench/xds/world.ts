import {
  AssignmentEncoder,
  encodedResourceFromBytes,
  encodeResource,
  type JsonObject,
} from '../../src/base/codec/index.ts';
import { type Resource, type ResourceRef, TYPE_URL } from '../../src/core/resources/index.ts';
import { makeSnapshot, type Snapshot } from '../../src/core/snapshot/index.ts';
import { CHANGE_WEIGHT_BASE, type Shape } from './shape.ts';

const ADS = { ads: {}, resource_api_version: 'V3' };

/** The content that both servers of the bench serve; bench/peers/go-control-plane/world.go makes the same. */
export class World {
  snapshot: Snapshot;
  readonly #shape: Shape;
  readonly #encoder = new AssignmentEncoder();
  readonly #unchanging: readonly Resource[];

  constructor(shape: Shape) {
    this.#shape = shape;
    const names = Array.from({ length: shape.clusters }, (_, index) => `c-${index}`);
    this.#unchanging = [
      ...names.map((name) => cluster(name)),
      ...names.slice(1).map((name, index) => this.#assignment(name, index + 1)),
      listener(),
      routes(),
    ];
    this.snapshot = this.#snapshotWith(this.#assignment('c-0', 0));
  }

  /** Change number `change`: a new weight of the first endpoint of `c-0`. */
  change(change: number): void {
    this.snapshot = this.#snapshotWith(this.#assignment('c-0', 0, CHANGE_WEIGHT_BASE + change));
  }

  #snapshotWith(first: Resource): Snapshot {
    const key = { group: 'lab', release: '1.40', listenerOverrides: {} };
    return makeSnapshot(key, [first, ...this.#unchanging], this.snapshot);
  }

  #assignment(name: string, cluster: number, firstWeight?: number): Resource {
    const endpoints = Array.from({ length: this.#shape.endpoints }, (_, index) => ({
      address: `10.${cluster}.${Math.floor(index / 250)}.${1 + (index % 250)}`,
      port: 8000,
      weight: index === 0 && firstWeight !== undefined ? firstWeight : 100 + (index % 28),
      health: 'HEALTHY' as const,
    }));
    const bytes = this.#encoder.encode({
      clusterName: name,
      localities: [{ zone: '', priority: 0, endpoints }],
      weightedPriorityHealth: true,
    });
    return { ...encodedResourceFromBytes({ typeUrl: TYPE_URL.endpoint, name, bytes }), needs: [] };
  }
}

export function cluster(name: string, connectTimeout = '1s'): Resource {
  const json = { name, type: 'EDS', connect_timeout: connectTimeout, eds_cluster_config: { eds_config: ADS } };
  return make(TYPE_URL.cluster, name, json, [{ typeUrl: TYPE_URL.endpoint, name }]);
}

export function listener(): Resource {
  const manager = extension(
    'envoy.filters.network.http_connection_manager',
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    {
      stat_prefix: 'l',
      rds: { config_source: ADS, route_config_name: 'r' },
      http_filters: [extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router', {})],
    },
  );
  const json = {
    name: 'l',
    address: { socket_address: { address: '127.0.0.1', port_value: 15001 } },
    filter_chains: [{ filters: [manager] }],
  };
  return make(TYPE_URL.listener, 'l', json, [{ typeUrl: TYPE_URL.route, name: 'r' }]);
}

export function routes(): Resource {
  const all = { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'c-0' } }] };
  return make(TYPE_URL.route, 'r', { name: 'r', virtual_hosts: [all] }, [{ typeUrl: TYPE_URL.cluster, name: 'c-0' }]);
}

function extension(name: string, type: string, config: JsonObject): JsonObject {
  return { name, typed_config: { '@type': `type.googleapis.com/${type}`, ...config } };
}

function make(typeUrl: string, name: string, json: JsonObject, needs: readonly ResourceRef[]): Resource {
  return { ...encodeResource({ typeUrl, name, json }), needs };
}
