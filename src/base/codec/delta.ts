import protobuf from 'protobufjs/light.js';
import { decodeNode, type Node } from './node.ts';
import { LENGTH, readFields, tagOf } from './wire.ts';

/** `envoy.service.discovery.v3.DeltaDiscoveryRequest`. */
export type DeltaRequest = {
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** Name to version of what the client holds; only in the first request of a type on a stream. */
  readonly initialVersions: Readonly<Record<string, string>>;
  /** Answers the response of this nonce; '' in a request that answers none. */
  readonly nonce: string;
  /** Its presence makes the request a NACK. */
  readonly errorDetail?: { readonly code: number; readonly message: string };
  readonly node?: Node;
};

export type DeltaResponse = {
  readonly typeUrl: string;
  /** `EncodedResource.delta`, or `heartbeatBytes`. */
  readonly resources: readonly Uint8Array[];
  readonly removed: readonly string[];
  readonly nonce: string;
  readonly systemVersion: string;
};

const FIELD = { node: 1, typeUrl: 2, subscribe: 3, unsubscribe: 4, initialVersions: 5, nonce: 6, errorDetail: 7 };

/**
 * Reads a request field by field. `node` is decoded only on demand and stepped over by its length otherwise: Envoy 1.36
 * and 1.37 send their whole node, about 50 KB, with every request, ACKs included.
 * Throws LOADLINE_CODEC_UNREADABLE.
 */
export function decodeDeltaRequest(bytes: Uint8Array, options: { readonly node?: boolean } = {}): DeltaRequest {
  let typeUrl = '';
  let nonce = '';
  let node: Uint8Array | undefined;
  let errorDetail: DeltaRequest['errorDetail'];
  const subscribe: string[] = [];
  const unsubscribe: string[] = [];
  const initialVersions = Object.create(null) as Record<string, string>;
  readFields(bytes, 'DeltaDiscoveryRequest', (field, wireType, reader) => {
    if (wireType !== LENGTH) return false;
    if (field === FIELD.typeUrl) typeUrl = reader.string();
    else if (field === FIELD.nonce) nonce = reader.string();
    else if (field === FIELD.subscribe) subscribe.push(reader.string());
    else if (field === FIELD.unsubscribe) unsubscribe.push(reader.string());
    else if (field === FIELD.initialVersions) {
      const [name, version] = readEntry(reader.bytes());
      initialVersions[name] = version;
    } else if (field === FIELD.errorDetail) errorDetail = readStatus(reader.bytes());
    else if (field === FIELD.node && options.node === true) node = reader.bytes();
    else return false;
    return true;
  });
  return {
    typeUrl,
    subscribe,
    unsubscribe,
    initialVersions,
    nonce,
    ...(errorDetail === undefined ? {} : { errorDetail }),
    ...(node === undefined ? {} : { node: decodeNode(node) }),
  };
}

function readEntry(bytes: Uint8Array): [string, string] {
  let key = '';
  let value = '';
  readFields(bytes, 'DeltaDiscoveryRequest.initial_resource_versions', (field, wireType, reader) => {
    if (wireType !== LENGTH) return false;
    if (field === 1) key = reader.string();
    else if (field === 2) value = reader.string();
    else return false;
    return true;
  });
  return [key, value];
}

function readStatus(bytes: Uint8Array): { code: number; message: string } {
  let code = 0;
  let message = '';
  readFields(bytes, 'DeltaDiscoveryRequest.error_detail', (field, wireType, reader) => {
    if (field === 1 && wireType === 0) code = reader.int32();
    else if (field === 2 && wireType === LENGTH) message = reader.string();
    else return false;
    return true;
  });
  return { code, message };
}

/**
 * Builds `envoy.service.discovery.v3.DeltaDiscoveryResponse` from resources that are encoded already: tag, length and
 * bytes of each are laid one after the other. A Buffer, because grpc-js copies what it sends with `Buffer.copy`.
 * Field numbers: system_version_info 1, resources 2, type_url 4, nonce 5, removed_resources 6.
 */
export function encodeDeltaResponse(input: DeltaResponse): Buffer {
  const writer = protobuf.Writer.create();
  if (input.systemVersion !== '') writer.uint32(tagOf(1, LENGTH)).string(input.systemVersion);
  for (const resource of input.resources) writer.uint32(tagOf(2, LENGTH)).bytes(resource);
  if (input.typeUrl !== '') writer.uint32(tagOf(4, LENGTH)).string(input.typeUrl);
  if (input.nonce !== '') writer.uint32(tagOf(5, LENGTH)).string(input.nonce);
  for (const name of input.removed) writer.uint32(tagOf(6, LENGTH)).string(name);
  return asBuffer(writer.finish());
}

/** A view on the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
