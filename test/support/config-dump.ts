import type { JsonObject, JsonValue } from '../../src/base/codec/index.ts';
import type { EnvoyProcess } from '../../src/edge/envoy/index.ts';

/** What an Envoy got by xDS and uses, by name, and the clusters that it has and cannot use yet. */
export type ConfigDump = {
  readonly clusters: ReadonlyMap<string, JsonObject>;
  readonly warming: readonly string[];
  readonly listeners: ReadonlyMap<string, JsonObject>;
  readonly routes: ReadonlyMap<string, JsonObject>;
};

export async function configDump(envoy: EnvoyProcess): Promise<ConfigDump> {
  const parts = objects((await envoy.configDump()).configs);
  const of = (key: string): readonly JsonObject[] => parts.flatMap((part) => objects(part[key]));
  return {
    clusters: byName(of('dynamic_active_clusters').map((entry) => entry.cluster as JsonObject)),
    warming: of('dynamic_warming_clusters').map((entry) => String((entry.cluster as JsonObject).name)),
    listeners: byName(
      of('dynamic_listeners').flatMap(({ active_state: state }) =>
        state === undefined ? [] : [(state as JsonObject).listener as JsonObject],
      ),
    ),
    routes: byName(of('dynamic_route_configs').map((entry) => entry.route_config as JsonObject)),
  };
}

function byName(messages: readonly JsonObject[]): ReadonlyMap<string, JsonObject> {
  return new Map(messages.map((message) => [String(message.name), message]));
}

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonObject[]) : [];
}
