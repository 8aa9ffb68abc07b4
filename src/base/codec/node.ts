import protojson from 'protobufjs/ext/protojson.js';
import type { JsonObject } from './json-value.ts';
import { Scanner } from './scan.ts';
import { messageType } from './schema.ts';
import { LENGTH, readable } from './wire.ts';

/** What a client says about itself. */
export type Node = {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: JsonObject;
  /** `1.40.0`, or '' when the node does not say. */
  readonly envoyVersion: string;
  /** `user_agent_name`: `envoy`, `gRPC Go`, … */
  readonly userAgent: string;
  readonly clientFeatures: readonly string[];
  readonly zone: string;
};

type DecodedVersion = { version?: { majorNumber: number; minorNumber: number; patch: number } | null };

const FIELD = { id: 1, cluster: 2, metadata: 3, locality: 4, userAgent: 6, buildVersion: 8, features: 10 };

/**
 * Reads `envoy.config.core.v3.Node`; throws LOADLINE_CODEC_UNREADABLE. Envoy's list of extensions, 50 KB, is stepped over:
 * when a fleet reconnects, reading it would be most of the work.
 */
export function decodeNode(bytes: Buffer): Node {
  const scanner = new Scanner(bytes, 'Node');
  const texts = { id: '', cluster: '', userAgent: '', zone: '', envoyVersion: '' };
  const clientFeatures: string[] = [];
  let metadata: JsonObject = {};
  while (scanner.next()) {
    if (scanner.wireType !== LENGTH) continue;
    if (scanner.field === FIELD.id) texts.id = scanner.text();
    else if (scanner.field === FIELD.cluster) texts.cluster = scanner.text();
    else if (scanner.field === FIELD.userAgent) texts.userAgent = scanner.text();
    else if (scanner.field === FIELD.features) clientFeatures.push(scanner.text());
    else if (scanner.field === FIELD.metadata) metadata = readStruct(scanner.slice());
    else if (scanner.field === FIELD.locality) texts.zone = readZone(scanner.slice());
    else if (scanner.field === FIELD.buildVersion) texts.envoyVersion = readVersion(scanner.slice());
  }
  return { ...texts, metadata, clientFeatures };
}

function readStruct(bytes: Buffer): JsonObject {
  return readable('Node.metadata', () => {
    const type = messageType('google.protobuf.Struct');
    return protojson.toJson(type, type.decode(bytes)) as JsonObject;
  });
}

/** `Locality.zone` is field 2. */
function readZone(bytes: Buffer): string {
  const scanner = new Scanner(bytes, 'Node.locality');
  let zone = '';
  while (scanner.next()) if (scanner.field === 2 && scanner.wireType === LENGTH) zone = scanner.text();
  return zone;
}

function readVersion(bytes: Buffer): string {
  return readable('Node.user_agent_build_version', () => {
    const { version } = messageType('envoy.config.core.v3.BuildVersion').decode(bytes) as unknown as DecodedVersion;
    return version ? `${version.majorNumber}.${version.minorNumber}.${version.patch}` : '';
  });
}
