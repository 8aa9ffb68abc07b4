import {
  encodedResourceFromBytes,
  encodeMessage,
  isJsonObject,
  type JsonValue,
  messageToJson,
  type ReadyResource,
  withoutNewerFields,
} from '../../base/codec/index.ts';
import type { Resource, ResourceRef } from './resource.ts';
import { TYPE_URL } from './type-url.ts';

/** Only what is compiled by release: assignments and runtime values are the same for all. */
const BY_RELEASE: ReadonlySet<string> = new Set([
  TYPE_URL.cluster,
  TYPE_URL.extension,
  TYPE_URL.listener,
  TYPE_URL.route,
]);

/**
 * A resource as a client received it: what it refers to is read from its message, as far as Envoy waits for it.
 * @throws LoadlineError LOADLINE_CODEC_UNREADABLE
 */
export function receivedResource(received: ReadyResource): Resource {
  return { ...encodedResourceFromBytes(received), needs: needsOf(received) };
}

/** The resource as the server would have made it for an older Envoy: without the fields that came after that release. */
export function forRelease(resource: Resource, release: string): Resource {
  const { typeUrl, name, bytes } = resource;
  if (!BY_RELEASE.has(typeUrl)) return resource;
  const { json, removed } = withoutNewerFields(typeUrl, messageToJson(typeUrl, bytes), release);
  if (removed.length === 0) return resource;
  return { ...encodedResourceFromBytes({ typeUrl, name, bytes: encodeMessage(typeUrl, json) }), needs: resource.needs };
}

function needsOf({ typeUrl, name, bytes }: ReadyResource): readonly ResourceRef[] {
  if (typeUrl === TYPE_URL.cluster) {
    const { type, eds_cluster_config: source } = messageToJson(typeUrl, bytes);
    if (type !== 'EDS') return [];
    const service = isJsonObject(source) ? source.service_name : undefined;
    return [{ typeUrl: TYPE_URL.endpoint, name: typeof service === 'string' ? service : name }];
  }
  return typeUrl === TYPE_URL.listener ? [...refsIn(messageToJson(typeUrl, bytes))] : [];
}

/** Route configurations and filters that a listener takes from ADS, wherever they stand in it. */
function* refsIn(value: JsonValue): Iterable<ResourceRef> {
  if (Array.isArray(value)) for (const element of value) yield* refsIn(element);
  else if (isJsonObject(value)) {
    for (const [key, part] of Object.entries(value)) {
      if (key === 'rds' && isJsonObject(part))
        yield { typeUrl: TYPE_URL.route, name: String(part.route_config_name ?? '') };
      else if (key === 'config_discovery') yield { typeUrl: TYPE_URL.extension, name: String(value.name ?? '') };
      else yield* refsIn(part);
    }
  }
}
