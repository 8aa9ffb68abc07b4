import protojson from 'protobufjs/ext/protojson.js';
import type { JsonObject } from './json-value.ts';
import { messageType } from './schema.ts';
import { readable } from './wire.ts';

/** What an Envoy says about itself. */
export type Node = {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: JsonObject;
  /** `1.40.0`, or '' when the node does not say. */
  readonly envoyVersion: string;
  /** `user_agent_name`: `envoy`, `grpc-go`, … */
  readonly userAgent: string;
  readonly clientFeatures: readonly string[];
  readonly zone: string;
};

type DecodedNode = {
  id: string;
  cluster: string;
  metadata?: object | null;
  locality?: { zone: string } | null;
  userAgentName: string;
  userAgentBuildVersion?: { version?: { majorNumber: number; minorNumber: number; patch: number } | null } | null;
  clientFeatures: string[];
};

/** Reads `envoy.config.core.v3.Node`; throws LOADLINE_CODEC_UNREADABLE. */
export function decodeNode(bytes: Uint8Array): Node {
  const type = messageType('envoy.config.core.v3.Node');
  return readable('Node', () => {
    const node = type.decode(bytes) as unknown as DecodedNode;
    const version = node.userAgentBuildVersion?.version;
    return {
      id: node.id,
      cluster: node.cluster,
      metadata: node.metadata
        ? (protojson.toJson(messageType('google.protobuf.Struct'), node.metadata) as JsonObject)
        : {},
      envoyVersion: version ? `${version.majorNumber}.${version.minorNumber}.${version.patch}` : '',
      userAgent: node.userAgentName,
      clientFeatures: node.clientFeatures,
      zone: node.locality?.zone ?? '',
    };
  });
}
