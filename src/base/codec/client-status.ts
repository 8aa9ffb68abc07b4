import protobuf from 'protobufjs/light.js';
import { encodeMessage } from './encode-message.ts';
import type { JsonObject } from './json-value.ts';
import { asBuffer, LENGTH, tagOf, VARINT } from './wire.ts';

/** The node of a ClientConfig. */
export type StatusNode = {
  readonly id: string;
  readonly cluster: string;
  /** `1.40.0`, or '' when the node does not say. */
  readonly envoyVersion: string;
};

/** `envoy.service.status.v3.ConfigStatus`: what the management server knows. */
const CONFIG_STATUS = { UNKNOWN: 0, SYNCED: 1, NOT_SENT: 2, STALE: 3, ERROR: 4 } as const;

/** `envoy.admin.v3.ClientResourceStatus`: how the client took it. */
const CLIENT_STATUS = { UNKNOWN: 0, REQUESTED: 1, DOES_NOT_EXIST: 2, ACKED: 3, NACKED: 4 } as const;

/** `ClientConfig.GenericXdsConfig`. */
export type ResourceStatus = {
  readonly typeUrl: string;
  readonly name: string;
  readonly version: string;
  /** The message of type `typeUrl`, serialised; absent where its contents are not shown. */
  readonly bytes?: Uint8Array;
  readonly lastUpdatedMs?: number;
  readonly configStatus: keyof typeof CONFIG_STATUS;
  readonly clientStatus: keyof typeof CLIENT_STATUS;
  readonly errorState?: {
    readonly lastUpdateAttemptMs: number;
    readonly details: string;
    readonly version: string;
  };
};

/** A client with its resources, each encoded by {@link encodeResourceStatus}. */
export type EncodedClient = { readonly node: Uint8Array; readonly resources: readonly Uint8Array[] };

/** `envoy.config.core.v3.Node` of a ClientConfig. */
export function encodeStatusNode({ id, cluster, envoyVersion }: StatusNode): Uint8Array {
  return encodeMessage('envoy.config.core.v3.Node', {
    id,
    cluster,
    ...(envoyVersion === '' ? {} : userAgent(envoyVersion)),
  });
}

function userAgent(envoyVersion: string): JsonObject {
  const release = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})$/.exec(envoyVersion);
  if (release === null) return { user_agent_version: envoyVersion };
  const [major_number, minor_number, patch] = release.slice(1).map(Number) as [number, number, number];
  return { user_agent_build_version: { version: { major_number, minor_number, patch } } };
}

/**
 * `ClientConfig.GenericXdsConfig`, by hand: the resource is there in bytes and large, and JSON would have it decoded and
 * encoded again. Field numbers: type_url 1, name 2, version_info 3, xds_config 4, last_updated 5, config_status 6,
 * client_status 7, error_state 8; of UpdateFailureState: last_update_attempt 2, details 3, version_info 4.
 */
export function encodeResourceStatus(status: ResourceStatus): Uint8Array {
  const writer = protobuf.Writer.create();
  writeText(writer, 1, status.typeUrl);
  writeText(writer, 2, status.name);
  writeText(writer, 3, status.version);
  if (status.bytes !== undefined) {
    writer.uint32(tagOf(4, LENGTH)).fork();
    writeText(writer, 1, status.typeUrl);
    if (status.bytes.length > 0) writer.uint32(tagOf(2, LENGTH)).bytes(status.bytes);
    writer.ldelim();
  }
  if (status.lastUpdatedMs !== undefined) writeTimestamp(writer, 5, status.lastUpdatedMs);
  writeEnum(writer, 6, CONFIG_STATUS[status.configStatus]);
  writeEnum(writer, 7, CLIENT_STATUS[status.clientStatus]);
  if (status.errorState !== undefined) {
    const { lastUpdateAttemptMs, details, version } = status.errorState;
    writer.uint32(tagOf(8, LENGTH)).fork();
    writeTimestamp(writer, 2, lastUpdateAttemptMs);
    writeText(writer, 3, details);
    writeText(writer, 4, version);
    writer.ldelim();
  }
  return writer.finish();
}

/** `ClientStatusResponse`. Field numbers: config 1; of ClientConfig: node 1, generic_xds_configs 3. */
export function encodeClientStatusResponse(clients: readonly EncodedClient[]): Buffer {
  const writer = protobuf.Writer.create();
  for (const { node, resources } of clients) {
    writer.uint32(tagOf(1, LENGTH)).fork();
    writer.uint32(tagOf(1, LENGTH)).bytes(node);
    for (const resource of resources) writer.uint32(tagOf(3, LENGTH)).bytes(resource);
    writer.ldelim();
  }
  return asBuffer(writer.finish());
}

function writeText(writer: protobuf.Writer, field: number, text: string): void {
  if (text !== '') writer.uint32(tagOf(field, LENGTH)).string(text);
}

function writeEnum(writer: protobuf.Writer, field: number, value: number): void {
  if (value !== 0) writer.uint32(tagOf(field, VARINT)).int32(value);
}

/** google.protobuf.Timestamp: seconds 1, nanos 2, from Unix milliseconds. */
function writeTimestamp(writer: protobuf.Writer, field: number, ms: number): void {
  const wholeMs = Math.round(ms);
  const seconds = Math.floor(wholeMs / 1000);
  const nanos = (wholeMs - seconds * 1000) * 1e6;
  writer.uint32(tagOf(field, LENGTH)).fork();
  if (seconds !== 0) writer.uint32(tagOf(1, VARINT)).int64(seconds);
  if (nanos !== 0) writer.uint32(tagOf(2, VARINT)).int32(nanos);
  writer.ldelim();
}
