import protobuf from 'protobufjs/light.js';
import { type EncodedResource, heartbeatBytes } from './encoded-resource.ts';
import { asBuffer, LENGTH, tagOf } from './wire.ts';

export type DeltaResponse = {
  readonly typeUrl: string;
  readonly resources: readonly Pick<EncodedResource, 'delta'>[];
  /** Resources whose TTL is renewed without a body. */
  readonly heartbeats?: readonly EncodedResource[];
  readonly removed: readonly string[];
  readonly nonce: string;
};

export type SotwResponse = {
  readonly typeUrl: string;
  readonly resources: readonly Pick<EncodedResource, 'typeUrl' | 'bytes' | 'delta' | 'ttlMs'>[];
  readonly version: string;
  readonly nonce: string;
  /** Whether the client takes TTL resources wrapped in `discovery.Resource` (`xds.config.supports-resource-in-sotw`). */
  readonly wrapTtl: boolean;
};

const RESOURCE_TYPE_URL = 'type.googleapis.com/envoy.service.discovery.v3.Resource';

/**
 * Builds `envoy.service.discovery.v3.DeltaDiscoveryResponse` from resources that are encoded already: tag, length and
 * bytes of each are laid one after the other.
 * Field numbers: system_version_info 1, resources 2, type_url 4, nonce 5, removed_resources 6.
 */
export function encodeDeltaResponse(input: DeltaResponse): Buffer {
  const writer = protobuf.Writer.create();
  for (const { delta } of input.resources) writer.uint32(tagOf(2, LENGTH)).bytes(delta);
  for (const resource of input.heartbeats ?? []) writer.uint32(tagOf(2, LENGTH)).bytes(heartbeatBytes(resource));
  if (input.typeUrl !== '') writer.uint32(tagOf(4, LENGTH)).string(input.typeUrl);
  if (input.nonce !== '') writer.uint32(tagOf(5, LENGTH)).string(input.nonce);
  for (const name of input.removed) writer.uint32(tagOf(6, LENGTH)).string(name);
  return asBuffer(writer.finish());
}

/**
 * Builds `envoy.service.discovery.v3.DiscoveryResponse`. Its resources are bare messages in an Any; only one with a TTL is
 * wrapped in a `Resource`, which is where a TTL has its place.
 * Field numbers: version_info 1, resources 2, type_url 4, nonce 5; Any: type_url 1, value 2.
 */
export function encodeSotwResponse(input: SotwResponse): Buffer {
  const writer = protobuf.Writer.create();
  if (input.version !== '') writer.uint32(tagOf(1, LENGTH)).string(input.version);
  for (const resource of input.resources) {
    const wrapped = input.wrapTtl && resource.ttlMs !== undefined;
    const value = wrapped ? resource.delta : resource.bytes;
    writer.uint32(tagOf(2, LENGTH)).fork();
    writer.uint32(tagOf(1, LENGTH)).string(wrapped ? RESOURCE_TYPE_URL : resource.typeUrl);
    if (value.length > 0) writer.uint32(tagOf(2, LENGTH)).bytes(value);
    writer.ldelim();
  }
  if (input.typeUrl !== '') writer.uint32(tagOf(4, LENGTH)).string(input.typeUrl);
  if (input.nonce !== '') writer.uint32(tagOf(5, LENGTH)).string(input.nonce);
  return asBuffer(writer.finish());
}
