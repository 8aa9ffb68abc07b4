import {
  encodedResourceFromBytes,
  encodeMessage,
  type JsonObject,
  withoutNewerFields,
} from '../../base/codec/index.ts';
import type { Position } from '../../base/units/index.ts';
import type { Resource, ResourceRef } from './resource.ts';
import { type ResourceType, TYPE_URL } from './type-url.ts';

const TYPE_PREFIX = 'type.googleapis.com/';

/** A message wrapped in google.protobuf.Any, as ProtoJSON writes it. */
export function any(typeName: string, fields: JsonObject = {}): JsonObject {
  return { '@type': TYPE_PREFIX + typeName, ...fields };
}

/** An extension: its registered name and its configuration. */
export function extension(name: string, typeName: string, fields: JsonObject = {}): JsonObject {
  return { name, typed_config: any(typeName, fields) };
}

/** Why 2 s: Envoy waits so long for each thing that the server does not have, one after the other, before it serves. */
export const ADS: JsonObject = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '2s' };

export type ResourceSpec = {
  readonly type: ResourceType;
  readonly name: string;
  readonly json: JsonObject;
  /** Fields that came after this Envoy release are left out; absent: all stay. */
  readonly release?: string;
  readonly origin?: Position;
  readonly needs?: readonly ResourceRef[];
  readonly ttlMs?: number;
};

/** Encodes a message once; everything after this shares its bytes. */
export function makeResource(spec: ResourceSpec): Resource {
  const { type, name, json, release, origin, needs = [], ttlMs } = spec;
  const typeUrl = TYPE_URL[type];
  const known = release === undefined ? json : withoutNewerFields(typeUrl, json, release).json;
  const encoded = encodedResourceFromBytes({
    typeUrl,
    name,
    bytes: encodeMessage(typeUrl, known),
    ...(ttlMs === undefined ? {} : { ttlMs }),
  });
  return { ...encoded, needs, ...(origin === undefined ? {} : { origin }) };
}

/** A header that is so afterwards, whatever it was. */
export function setHeader(key: string, value: string): JsonObject {
  return { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' };
}
