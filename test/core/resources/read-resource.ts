import { type JsonObject, type JsonValue, messageToJson } from '../../../src/base/codec/index.ts';
import { type Resource, TYPE_URL, type TYPE_URL as TypeUrls } from '../../../src/core/resources/index.ts';

/** The message of a resource, read back from its bytes. */
export function messageOf(resources: readonly Resource[], type: keyof typeof TypeUrls, name: string): JsonObject {
  const found = resources.find((resource) => resource.typeUrl === TYPE_URL[type] && resource.name === name);
  if (found === undefined) throw new Error(`no ${type} ${name} among ${resources.map((each) => each.name).join(', ')}`);
  return messageToJson(found.typeUrl, found.bytes);
}

/** Follows a path such as `virtual_hosts.0.routes.1.match` into a message. */
export function at(value: JsonValue, path: string): JsonValue | undefined {
  let here: JsonValue | undefined = value;
  for (const key of path.split('.')) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = (here as Record<string, JsonValue>)[key];
  }
  return here;
}

/** Type and version of every resource: two compilations with equal fingerprints would send nothing. */
export function fingerprint(resources: readonly Resource[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    resources.map(({ typeUrl, name, version }) => [`${typeUrl.split('.').at(-1)} ${name}`, version]),
  );
}
