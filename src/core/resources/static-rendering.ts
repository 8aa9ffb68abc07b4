import { type JsonObject, type JsonValue, messageToJson } from '../../base/codec/index.ts';
import { SIDECARS_CLUSTER } from './names.ts';
import type { Resource } from './resource.ts';
import { socketAddress } from './socket-address.ts';
import { type ResourceType, TYPE_URL } from './type-url.ts';

/**
 * The resources of one snapshot as a bootstrap without a server: assignments, route configurations and filters stand
 * where they are referred to. `envoy --mode validate` then judges all of them at once, with the semantic checks that our
 * own rule check lacks, and Envoy can run it as it is.
 */
export function renderStatic(resources: readonly Resource[]): JsonObject {
  const of = (type: ResourceType): ReadonlyMap<string, JsonObject> =>
    new Map(
      resources
        .filter(({ typeUrl }) => typeUrl === TYPE_URL[type])
        .map(({ name, typeUrl, bytes }) => [name, messageToJson(typeUrl, bytes)]),
    );
  const assignments = of('endpoint');
  const sidecars = assignments.get(SIDECARS_CLUSTER);
  return {
    node: { id: 'static', cluster: 'static' },
    admin: { address: socketAddress('127.0.0.1', 0) },
    layered_runtime: {
      layers: [...of('runtime')].map(([name, { layer }]) => ({ name, static_layer: layer ?? {} })),
    },
    ...(sidecars === undefined ? {} : { cluster_manager: { local_cluster_name: SIDECARS_CLUSTER } }),
    static_resources: {
      listeners: [...of('listener').values()].map((listener) => inlined(listener, of('route'), of('extension'))),
      clusters: [
        ...[...of('cluster').values()].map((cluster) => withAssignment(cluster, assignments)),
        ...(sidecars === undefined
          ? []
          : [{ name: SIDECARS_CLUSTER, type: 'STATIC', connect_timeout: '1s', load_assignment: sidecars }]),
      ],
    },
  };
}

function withAssignment(cluster: JsonObject, assignments: ReadonlyMap<string, JsonObject>): JsonObject {
  const { eds_cluster_config: source, ...rest } = cluster;
  const name = String((source as JsonObject | undefined)?.service_name ?? cluster.name);
  const assignment = assignments.get(name) ?? { cluster_name: name };
  return { ...rest, type: 'STATIC', load_assignment: assignment };
}

type Named = ReadonlyMap<string, JsonObject>;

/** Replaces `rds` and `config_discovery` wherever they stand in a listener. */
function inlined(value: JsonObject, routes: Named, extensions: Named): JsonObject {
  const out: Record<string, JsonValue> = {};
  for (const [key, part] of Object.entries(value)) {
    if (key === 'rds') {
      const name = String((part as JsonObject).route_config_name);
      // A route to a cluster that does not exist is accepted over RDS; here it is an error.
      out.route_config = { ...(routes.get(name) ?? { name }), validate_clusters: true };
    } else if (key === 'config_discovery') {
      const config = extensions.get(String(value.name)) ?? {};
      out.typed_config = config.typed_config ?? (part as JsonObject).default_config ?? {};
    } else if (Array.isArray(part)) {
      out[key] = part.map((element) => (isObject(element) ? inlined(element, routes, extensions) : element));
    } else out[key] = isObject(part) ? inlined(part, routes, extensions) : part;
  }
  return out;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
