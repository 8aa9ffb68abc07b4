import { type JsonObject, type JsonValue, messageToJson } from '../../base/codec/index.ts';
import { bootstrap } from './bootstrap.ts';
import { SIDECARS_CLUSTER } from './names.ts';
import type { Resource } from './resource.ts';
import { renderStatic } from './static-rendering.ts';
import { type ResourceType, TYPE_URL } from './type-url.ts';
import { withoutFiles } from './without-files.ts';

/** Marks the copies of what is there already in its static form. */
export const AS_SENT = ' (as sent)';

/**
 * Everything of a snapshot that an Envoy can be asked about in `--mode validate`, as one bootstrap. What comes over ADS stands
 * in it twice: in its static form, since only then are assignments, routes and filters judged, with what they refer to; and as
 * it is sent, since the static form leaves out where things come from and what holds until they have come (the default
 * configuration of a filter). Assignments without a cluster, which Envoys with clusters of others take, are given one. Files
 * that only the sidecars have are left out.
 */
export function renderForValidation(resources: readonly Resource[]): JsonObject {
  const rendered = renderStatic(resources);
  const { listeners, clusters } = rendered.static_resources as { listeners: JsonObject[]; clusters: JsonObject[] };
  const sent = bootstrap({ nodeId: 'static', group: 'static', xds: ['unix:/nonexistent'] });
  const server = (sent.static_resources as { clusters: JsonObject[] }).clusters[0] as JsonObject;
  const known = new Set(clusters.map(({ name }) => name));
  return {
    ...rendered,
    dynamic_resources: sent.dynamic_resources as JsonValue,
    static_resources: {
      listeners: [...listeners, ...messages(resources, 'listener').map(listenerAsSent)],
      clusters: [
        ...clusters.map(withoutFiles),
        ...messages(resources, 'cluster').map((cluster) => ({
          ...withoutFiles(cluster),
          name: `${cluster.name}${AS_SENT}`,
        })),
        ...messages(resources, 'endpoint')
          .filter(({ cluster_name: name }) => !known.has(name as string) && name !== SIDECARS_CLUSTER)
          .map(clusterFor),
        server,
      ],
    },
  };
}

function messages(resources: readonly Resource[], type: ResourceType): readonly JsonObject[] {
  return resources
    .filter(({ typeUrl }) => typeUrl === TYPE_URL[type])
    .map(({ typeUrl, bytes }) => messageToJson(typeUrl, bytes));
}

/** At no address: Envoy refuses two listeners at one. */
function listenerAsSent(listener: JsonObject): JsonObject {
  const name = `${listener.name}${AS_SENT}`;
  return { ...listener, name, address: { pipe: { path: `/nonexistent/${listener.name}` } } };
}

function clusterFor(assignment: JsonObject): JsonObject {
  return {
    name: assignment.cluster_name as string,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: assignment,
  };
}
