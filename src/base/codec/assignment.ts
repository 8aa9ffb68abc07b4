import protobuf from 'protobufjs/light.js';
import { LoadlineError } from '../errors.ts';
import type { JsonObject } from './json-value.ts';
import { LENGTH, tagOf, VARINT } from './wire.ts';

/** `DEGRADED`: has requests only as far as no healthy one of any priority takes them. */
export type AssignmentHealth = 'HEALTHY' | 'UNHEALTHY' | 'DRAINING' | 'DEGRADED';

/** An IP address and a port, or the path of a UNIX socket; the weight is 1 to 2^32 - 1. */
export type AssignmentEndpoint = ({ readonly address: string; readonly port: number } | { readonly pipe: string }) & {
  readonly weight: number;
  readonly health: AssignmentHealth;
  /** Chooses among the transport sockets of the cluster: `pool` in the metadata `envoy.transport_socket_match`. */
  readonly socketLabel?: string;
};

export type AssignmentInput = {
  readonly clusterName: string;
  /** Sent in this order. A zone '' leaves the locality out. */
  readonly localities: readonly {
    readonly zone: string;
    readonly priority: number;
    /** Among the localities of its priority, 1 to 2^32 - 1, for clusters that divide requests between localities; absent: none. */
    readonly weight?: number;
    readonly endpoints: readonly AssignmentEndpoint[];
  }[];
  readonly weightedPriorityHealth: boolean;
  /** Percentage above 0 by which the healthy part of a priority is multiplied before the rest goes to the next; absent: 140. */
  readonly overprovisioningFactor?: number;
};

/** envoy.config.core.v3.HealthStatus. */
const HEALTH: Readonly<Record<AssignmentHealth, number>> = { HEALTHY: 1, UNHEALTHY: 2, DRAINING: 3, DEGRADED: 5 };

const SOCKET_MATCH = 'envoy.transport_socket_match';
const NOTHING = new Uint8Array();

const CACHED_ENDPOINTS = 65_536;
const MAX_UINT32 = 0xffff_ffff;

/** A locality whose size is known: what is written once into the result. */
type Measured = {
  readonly head: Uint8Array;
  readonly endpoints: readonly {
    readonly prefix: Uint8Array;
    readonly health: number;
    readonly metadata: Uint8Array;
    readonly weight: number;
  }[];
  readonly tail: Uint8Array;
  readonly size: number;
};

/**
 * Encodes `envoy.config.endpoint.v3.ClusterLoadAssignment` without building messages. Weights change every second while
 * addresses stay, so the bytes of each address are kept, and only health and weight are written anew; the result is the
 * same as `encodeMessage` of {@link assignmentJson}. Two passes, measure and write: protobufjs's writer makes an object
 * per value, which was most of the time.
 */
export class AssignmentEncoder {
  /** By port (none: the path of a socket) and address: joining the two into one key would cost more than the encoding. */
  readonly #prefixes = new Map<number | undefined, Map<string, Uint8Array>>();
  #kept = 0;
  readonly #labels = new Map<string, Uint8Array>();

  /** Throws LOADLINE_CODEC_INVALID_MESSAGE for a weight, priority or port that is out of range. */
  encode(input: AssignmentInput): Uint8Array {
    // Endpoints come and go for months; dropping all costs one slow encode.
    if (this.#kept > CACHED_ENDPOINTS) {
      this.#prefixes.clear();
      this.#labels.clear();
      this.#kept = 0;
    }
    const head = protobuf.Writer.create();
    if (input.clusterName !== '') head.uint32(tagOf(1, LENGTH)).string(input.clusterName);
    const tail = policyBytes(input);
    const localities = input.localities.map((locality) => this.#measure(locality));
    return assemble(head.finish(), localities, tail);
  }

  #measure({ zone, priority, weight, endpoints }: AssignmentInput['localities'][number]): Measured {
    const head = protobuf.Writer.create();
    // LocalityLbEndpoints.locality 1, Locality.zone 2
    if (zone !== '') head.uint32(tagOf(1, LENGTH)).fork().uint32(tagOf(2, LENGTH)).string(zone).ldelim();
    const tail = protobuf.Writer.create();
    // LocalityLbEndpoints.load_balancing_weight 3 (UInt32Value.value 1), priority 5
    if (weight !== undefined) {
      const parts = inRange('weight', weight, 1, MAX_UINT32);
      tail.uint32(tagOf(3, LENGTH)).fork().uint32(tagOf(1, VARINT)).uint32(parts).ldelim();
    }
    if (priority !== 0) tail.uint32(tagOf(5, VARINT)).uint32(inRange('priority', priority, 0, MAX_UINT32));
    const measured = {
      head: head.finish(),
      endpoints: endpoints.map((endpoint) => ({
        prefix: this.#prefix(endpoint),
        health: HEALTH[endpoint.health],
        metadata: endpoint.socketLabel === undefined ? NOTHING : this.#metadata(endpoint.socketLabel),
        weight: inRange('weight', endpoint.weight, 1, MAX_UINT32),
      })),
      tail: tail.finish(),
    };
    let size = measured.head.length + measured.tail.length;
    for (const endpoint of measured.endpoints) size += framed(endpointSize(endpoint));
    return { ...measured, size };
  }

  #metadata(label: string): Uint8Array {
    let bytes = this.#labels.get(label);
    if (bytes === undefined) {
      bytes = metadataBytes(label);
      this.#labels.set(label, bytes);
      this.#kept += 1;
    }
    return bytes;
  }

  #prefix(endpoint: AssignmentEndpoint): Uint8Array {
    const [port, address] = 'pipe' in endpoint ? [undefined, endpoint.pipe] : [endpoint.port, endpoint.address];
    let ofPort = this.#prefixes.get(port);
    if (ofPort === undefined) {
      ofPort = new Map();
      this.#prefixes.set(port, ofPort);
    }
    let bytes = ofPort.get(address);
    if (bytes === undefined) {
      bytes = prefixBytes(endpoint);
      ofPort.set(address, bytes);
      this.#kept += 1;
    }
    return bytes;
  }
}

// LbEndpoint.endpoint 1 {address 1}, and the tag of what follows it: health_status 2.
// Address: socket_address 1 {address 2, port_value 3}, pipe 2 {path 1}
function prefixBytes(endpoint: AssignmentEndpoint): Uint8Array {
  const writer = protobuf.Writer.create().uint32(tagOf(1, LENGTH)).fork().uint32(tagOf(1, LENGTH)).fork();
  if ('pipe' in endpoint) {
    writer.uint32(tagOf(2, LENGTH)).fork();
    if (endpoint.pipe !== '') writer.uint32(tagOf(1, LENGTH)).string(endpoint.pipe);
  } else {
    writer.uint32(tagOf(1, LENGTH)).fork();
    if (endpoint.address !== '') writer.uint32(tagOf(2, LENGTH)).string(endpoint.address);
    writer.uint32(tagOf(3, VARINT)).uint32(inRange('port', endpoint.port, 0, 65_535));
  }
  return writer.ldelim().ldelim().ldelim().uint32(tagOf(2, VARINT)).finish();
}

// LbEndpoint.metadata 3 {filter_metadata 1 {key 1, value 2 {Struct.fields 1 {key 1, value 2 {Value.string_value 3}}}}}
function metadataBytes(label: string): Uint8Array {
  const writer = protobuf.Writer.create().uint32(tagOf(3, LENGTH)).fork().uint32(tagOf(1, LENGTH)).fork();
  writer.uint32(tagOf(1, LENGTH)).string(SOCKET_MATCH).uint32(tagOf(2, LENGTH)).fork();
  writer.uint32(tagOf(1, LENGTH)).fork().uint32(tagOf(1, LENGTH)).string('pool').uint32(tagOf(2, LENGTH)).fork();
  writer.uint32(tagOf(3, LENGTH)).string(label);
  return writer.ldelim().ldelim().ldelim().ldelim().ldelim().finish();
}

// ClusterLoadAssignment.policy 4, Policy.overprovisioning_factor 3 (UInt32Value.value 1), Policy.weighted_priority_health 6
function policyBytes({ weightedPriorityHealth, overprovisioningFactor }: AssignmentInput): Uint8Array {
  const writer = protobuf.Writer.create();
  if (!weightedPriorityHealth && overprovisioningFactor === undefined) return writer.finish();
  writer.uint32(tagOf(4, LENGTH)).fork();
  if (overprovisioningFactor !== undefined) {
    const factor = inRange('overprovisioning factor', overprovisioningFactor, 1, MAX_UINT32);
    writer.uint32(tagOf(3, LENGTH)).fork().uint32(tagOf(1, VARINT)).uint32(factor).ldelim();
  }
  if (weightedPriorityHealth) writer.uint32(tagOf(6, VARINT)).bool(true);
  return writer.ldelim().finish();
}

function assemble(head: Uint8Array, localities: readonly Measured[], tail: Uint8Array): Uint8Array {
  const size = localities.reduce((sum, locality) => sum + framed(locality.size), head.length + tail.length);
  const out = new Uint8Array(size);
  out.set(head);
  let at = head.length;
  for (const locality of localities) {
    // ClusterLoadAssignment.endpoints 2
    out[at] = tagOf(2, LENGTH);
    at = writeVarint(out, at + 1, locality.size);
    out.set(locality.head, at);
    at += locality.head.length;
    for (const endpoint of locality.endpoints) {
      const { prefix, health, metadata, weight } = endpoint;
      // LocalityLbEndpoints.lb_endpoints 2
      out[at] = tagOf(2, LENGTH);
      at = writeVarint(out, at + 1, endpointSize(endpoint));
      out.set(prefix, at);
      at += prefix.length;
      out[at] = health;
      out.set(metadata, at + 1);
      at += metadata.length;
      // LbEndpoint.load_balancing_weight 4, UInt32Value.value 1
      out[at + 1] = tagOf(4, LENGTH);
      out[at + 2] = 1 + varintSize(weight);
      out[at + 3] = tagOf(1, VARINT);
      at = writeVarint(out, at + 4, weight);
    }
    out.set(locality.tail, at);
    at += locality.tail.length;
  }
  out.set(tail, at);
  return out;
}

/** Bytes of one LbEndpoint: prefix, health, metadata, and three bytes around the weight. */
function endpointSize({ prefix, metadata, weight }: Measured['endpoints'][number]): number {
  return prefix.length + metadata.length + 4 + varintSize(weight);
}

/** Size of a part with its tag and length. */
function framed(size: number): number {
  return 1 + varintSize(size) + size;
}

function writeVarint(out: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest > 0x7f) {
    out[next] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
    next += 1;
  }
  out[next] = rest;
  return next + 1;
}

/** The same assignment as ProtoJSON: for reading, and the plain twin of {@link AssignmentEncoder}. */
export function assignmentJson(input: AssignmentInput): JsonObject {
  return {
    cluster_name: input.clusterName,
    endpoints: input.localities.map(({ zone, priority, weight, endpoints }) => ({
      ...(zone === '' ? {} : { locality: { zone } }),
      lb_endpoints: endpoints.map((endpoint) => ({
        endpoint: {
          address:
            'pipe' in endpoint
              ? { pipe: { path: endpoint.pipe } }
              : { socket_address: { address: endpoint.address, port_value: endpoint.port } },
        },
        health_status: endpoint.health,
        ...(endpoint.socketLabel === undefined
          ? {}
          : { metadata: { filter_metadata: { [SOCKET_MATCH]: { pool: endpoint.socketLabel } } } }),
        load_balancing_weight: endpoint.weight,
      })),
      ...(weight === undefined ? {} : { load_balancing_weight: weight }),
      ...(priority === 0 ? {} : { priority }),
    })),
    ...(input.weightedPriorityHealth || input.overprovisioningFactor !== undefined
      ? {
          policy: {
            ...(input.overprovisioningFactor === undefined
              ? {}
              : { overprovisioning_factor: input.overprovisioningFactor }),
            ...(input.weightedPriorityHealth ? { weighted_priority_health: true } : {}),
          },
        }
      : {}),
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
