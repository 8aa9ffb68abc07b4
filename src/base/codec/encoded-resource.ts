import protobuf from 'protobufjs/light.js';
import { contentHash } from '../units/index.ts';
import { encodeMessage } from './encode-message.ts';
import type { JsonObject } from './json-value.ts';
import { typeUrlOf } from './schema.ts';
import { LENGTH, tagOf, VARINT } from './wire.ts';

/** One Envoy message, encoded once, with the bytes that a delta response carries for it. */
export type EncodedResource = {
  readonly typeUrl: string;
  readonly name: string;
  /** Hash of the bytes, and of the TTL where there is one: equal content has equal versions on every replica. */
  readonly version: string;
  readonly bytes: Uint8Array;
  /** Bytes of `envoy.service.discovery.v3.Resource`. */
  readonly delta: Uint8Array;
  readonly ttlMs?: number;
};

export type ResourceInput = {
  /** Type URL, or the message's full name. */
  readonly typeUrl: string;
  readonly name: string;
  readonly json: JsonObject;
  readonly ttlMs?: number;
};

export type ReadyResource = {
  readonly typeUrl: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly ttlMs?: number;
};

/** Encodes a resource; throws as `encodeMessage` does. */
export function encodeResource(input: ResourceInput): EncodedResource {
  const { json, ...rest } = input;
  return encodedResourceFromBytes({ ...rest, bytes: encodeMessage(input.typeUrl, json) });
}

/** The same from a message that is already encoded; the caller answers for `bytes` being of that type. */
export function encodedResourceFromBytes(input: ReadyResource): EncodedResource {
  const { name, bytes, ttlMs } = input;
  const typeUrl = typeUrlOf(input.typeUrl);
  const version = contentHash(ttlMs === undefined ? bytes : Buffer.concat([Buffer.from(`ttl=${ttlMs};`), bytes]));
  const delta = resourceBytes(name, version, { typeUrl, bytes }, ttlMs);
  return { typeUrl, name, version, bytes, delta, ...(ttlMs === undefined ? {} : { ttlMs }) };
}

/**
 * A heartbeat: name, version and TTL without a body. It renews the TTL in delta xDS (facts of Envoy 1.36 and 1.40: in
 * state-of-the-world an empty body does not).
 */
export function heartbeatBytes(resource: Pick<EncodedResource, 'name' | 'version' | 'ttlMs'>): Uint8Array {
  return resourceBytes(resource.name, resource.version, undefined, resource.ttlMs);
}

// Written by hand, because the body is thousands of times larger than what surrounds it and is copied once here.
// Field numbers of envoy.service.discovery.v3.Resource: version 1, resource 2, name 3, ttl 6.
function resourceBytes(
  name: string,
  version: string,
  body: { readonly typeUrl: string; readonly bytes: Uint8Array } | undefined,
  ttlMs: number | undefined,
): Uint8Array {
  const writer = protobuf.Writer.create();
  if (version !== '') writer.uint32(tagOf(1, LENGTH)).string(version);
  if (body !== undefined) {
    writer.uint32(tagOf(2, LENGTH)).fork();
    writer.uint32(tagOf(1, LENGTH)).string(body.typeUrl);
    if (body.bytes.length > 0) writer.uint32(tagOf(2, LENGTH)).bytes(body.bytes);
    writer.ldelim();
  }
  if (name !== '') writer.uint32(tagOf(3, LENGTH)).string(name);
  if (ttlMs !== undefined) {
    writer.uint32(tagOf(6, LENGTH)).fork();
    writeDuration(writer, ttlMs);
    writer.ldelim();
  }
  return writer.finish();
}

function writeDuration(writer: protobuf.Writer, ms: number): void {
  const seconds = Math.floor(ms / 1000);
  const nanos = Math.round((ms - seconds * 1000) * 1e6);
  if (seconds > 0) writer.uint32(tagOf(1, VARINT)).int64(seconds);
  if (nanos > 0) writer.uint32(tagOf(2, VARINT)).int32(nanos);
}
