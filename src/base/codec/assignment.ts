import protobuf from 'protobufjs/light.js';
import { LoadlineError } from '../errors.ts';
import type { JsonObject } from './json-value.ts';
import { LENGTH, tagOf, VARINT } from './wire.ts';

export type AssignmentHealth = 'HEALTHY' | 'UNHEALTHY' | 'DRAINING';

/** An IP address and a port, or the path of a UNIX socket; the weight is 1 to 2^32 - 1. */
export type AssignmentEndpoint = ({ readonly address: string; readonly port: number } | { readonly pipe: string }) & {
  readonly weight: number;
  readonly health: AssignmentHealth;
};

export type AssignmentInput = {
  readonly clusterName: string;
  /** Sent in this order. A zone '' leaves the locality out. */
  readonly localities: readonly {
    readonly zone: string;
    readonly priority: number;
    readonly endpoints: readonly AssignmentEndpoint[];
  }[];
  readonly weightedPriorityHealth: boolean;
};

/** envoy.config.core.v3.HealthStatus. */
const HEALTH: Readonly<Record<AssignmentHealth, number>> = { HEALTHY: 1, UNHEALTHY: 2, DRAINING: 3 };

const CACHED_ENDPOINTS = 65_536;
const MAX_UINT32 = 0xffff_ffff;

/**
 * Encodes `envoy.config.endpoint.v3.ClusterLoadAssignment` without building messages. Weights change every second while
 * addresses stay, so the bytes of each address are kept and only health and weight are written anew; the result is the
 * same as `encodeMessage` of {@link assignmentJson}.
 */
export class AssignmentEncoder {
  readonly #endpoints = new Map<string, Uint8Array>();

  /** Throws LOADLINE_CODEC_INVALID_MESSAGE for a weight, priority or port that is out of range. */
  encode(input: AssignmentInput): Uint8Array {
    // Endpoints come and go for months; dropping all costs one slow encode.
    if (this.#endpoints.size > CACHED_ENDPOINTS) this.#endpoints.clear();
    const writer = protobuf.Writer.create();
    if (input.clusterName !== '') writer.uint32(tagOf(1, LENGTH)).string(input.clusterName);
    for (const { zone, priority, endpoints } of input.localities) {
      writer.uint32(tagOf(2, LENGTH)).fork();
      if (zone !== '') {
        // LocalityLbEndpoints.locality 1, Locality.zone 2
        writer.uint32(tagOf(1, LENGTH)).fork().uint32(tagOf(2, LENGTH)).string(zone).ldelim();
      }
      for (const endpoint of endpoints) this.#writeEndpoint(writer, endpoint);
      if (priority !== 0) writer.uint32(tagOf(5, VARINT)).uint32(inRange('priority', priority, 0, MAX_UINT32));
      writer.ldelim();
    }
    // ClusterLoadAssignment.policy 4, Policy.weighted_priority_health 6
    if (input.weightedPriorityHealth)
      writer.uint32(tagOf(4, LENGTH)).fork().uint32(tagOf(6, VARINT)).bool(true).ldelim();
    return writer.finish();
  }

  // LocalityLbEndpoints.lb_endpoints 2; LbEndpoint: endpoint 1, health_status 2, load_balancing_weight 4 (UInt32Value)
  #writeEndpoint(writer: protobuf.Writer, endpoint: AssignmentEndpoint): void {
    const prefix = this.#endpointBytes(endpoint);
    const weight = inRange('weight', endpoint.weight, 1, MAX_UINT32);
    const weightBytes = varintSize(weight) + 1;
    writer
      .uint32(tagOf(2, LENGTH))
      .uint32(1 + varintSize(prefix.length) + prefix.length + 2 + 2 + weightBytes)
      .uint32(tagOf(1, LENGTH))
      .bytes(prefix)
      .uint32(tagOf(2, VARINT))
      .uint32(HEALTH[endpoint.health])
      .uint32(tagOf(4, LENGTH))
      .uint32(weightBytes)
      .uint32(tagOf(1, VARINT))
      .uint32(weight);
  }

  #endpointBytes(endpoint: AssignmentEndpoint): Uint8Array {
    const key = 'pipe' in endpoint ? endpoint.pipe : `${endpoint.port} ${endpoint.address}`;
    const kept = this.#endpoints.get(key);
    if (kept !== undefined) return kept;
    // Endpoint.address 1; Address: socket_address 1 {address 2, port_value 3}, pipe 2 {path 1}
    const writer = protobuf.Writer.create().uint32(tagOf(1, LENGTH)).fork();
    if ('pipe' in endpoint) {
      writer.uint32(tagOf(2, LENGTH)).fork().uint32(tagOf(1, LENGTH)).string(endpoint.pipe).ldelim();
    } else {
      writer.uint32(tagOf(1, LENGTH)).fork().uint32(tagOf(2, LENGTH)).string(endpoint.address);
      writer
        .uint32(tagOf(3, VARINT))
        .uint32(inRange('port', endpoint.port, 0, 65_535))
        .ldelim();
    }
    const bytes = writer.ldelim().finish();
    this.#endpoints.set(key, bytes);
    return bytes;
  }
}

/** The same assignment as ProtoJSON: for reading, and the plain twin of {@link AssignmentEncoder}. */
export function assignmentJson(input: AssignmentInput): JsonObject {
  return {
    cluster_name: input.clusterName,
    endpoints: input.localities.map(({ zone, priority, endpoints }) => ({
      ...(zone === '' ? {} : { locality: { zone } }),
      lb_endpoints: endpoints.map((endpoint) => ({
        endpoint: {
          address:
            'pipe' in endpoint
              ? { pipe: { path: endpoint.pipe } }
              : { socket_address: { address: endpoint.address, port_value: endpoint.port } },
        },
        health_status: endpoint.health,
        load_balancing_weight: endpoint.weight,
      })),
      ...(priority === 0 ? {} : { priority }),
    })),
    ...(input.weightedPriorityHealth ? { policy: { weighted_priority_health: true } } : {}),
  };
}

function inRange(what: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new LoadlineError(
      'LOADLINE_CODEC_INVALID_MESSAGE',
      `${what} ${value} is not an integer from ${min} to ${max}`,
    );
  }
  return value;
}

function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}
