import {
  type ChannelCredentials,
  type ClientDuplexStream,
  credentials,
  makeGenericClientConstructor,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { decodeMessage, encodeMessage, grpcService, type JsonObject } from '../../src/base/codec/index.ts';

const SERVICE = 'envoy.service.discovery.v3.AggregatedDiscoveryService';
const REQUEST = 'envoy.service.discovery.v3.DeltaDiscoveryRequest';
const RESPONSE = 'envoy.service.discovery.v3.DeltaDiscoveryResponse';

export type Received = {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly {
    readonly name: string;
    readonly version: string;
    readonly hasBody: boolean;
    readonly body: Buffer;
    readonly ttlSec?: number;
  }[];
  readonly removed: readonly string[];
  readonly bytes: Buffer;
};

/** A delta ADS client that knows only the protocol: it asks, collects responses and answers when it is told to. */
export class DeltaClient {
  readonly received: Received[] = [];
  ended: { readonly code: number; readonly details: string } | undefined;
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  readonly #client: { close(): void };
  readonly #node: JsonObject;
  #first = true;
  #waiters: (() => void)[] = [];

  constructor(
    address: string,
    node: {
      readonly id: string;
      readonly cluster: string;
      readonly version?: readonly [number, number, number];
      readonly metadata?: JsonObject;
      readonly locality?: JsonObject;
    },
    as: ChannelCredentials = credentials.createInsecure(),
  ) {
    const Client = makeGenericClientConstructor(grpcService(SERVICE) as unknown as ServiceDefinition, SERVICE);
    const client = new Client(address, as, { 'grpc.ssl_target_name_override': 'localhost' });
    const [major_number, minor_number, patch] = node.version ?? [1, 40, 0];
    this.#node = {
      id: node.id,
      cluster: node.cluster,
      user_agent_name: 'envoy',
      user_agent_build_version: { version: { major_number, minor_number, patch } },
      ...(node.metadata === undefined ? {} : { metadata: node.metadata }),
      ...(node.locality === undefined ? {} : { locality: node.locality }),
    };
    this.#client = client;
    this.#call = (
      client as unknown as { DeltaAggregatedResources(): ClientDuplexStream<Buffer, Buffer> }
    ).DeltaAggregatedResources();
    this.#call.on('data', (bytes: Buffer) => {
      this.received.push(read(bytes));
      this.#wake();
    });
    this.#call.on('error', (error: { code: number; details: string }) => {
      this.ended = { code: error.code, details: error.details };
      this.#wake();
    });
    this.#call.on('end', () => this.#wake());
  }

  send(typeUrl: string, part: JsonObject = {}): void {
    this.#call.write(
      Buffer.from(encodeMessage(REQUEST, { type_url: typeUrl, ...(this.#first ? { node: this.#node } : {}), ...part })),
    );
    this.#first = false;
  }

  ack(response: Received): void {
    this.send(response.typeUrl, { response_nonce: response.nonce });
  }

  nack(response: Received, message: string): void {
    this.send(response.typeUrl, { response_nonce: response.nonce, error_detail: { code: 13, message } });
  }

  /** The next response that matches, removed from `received`. Rejects after the limit: a bounded wait, not a sleep. */
  async next(typeUrl?: string, limitMs = 5000): Promise<Received> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const at = this.received.findIndex((one) => typeUrl === undefined || one.typeUrl === typeUrl);
      if (at !== -1) return this.received.splice(at, 1)[0] as Received;
      const leftMs = deadline - Date.now();
      if (leftMs <= 0)
        throw new Error(
          `no response of ${typeUrl ?? 'any type'} within ${limitMs} ms (ended: ${JSON.stringify(this.ended)})`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Whether nothing (of the type) comes for a while. */
  async silent(forMs: number, typeUrl?: string): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, forMs));
    return !this.received.some((one) => typeUrl === undefined || one.typeUrl === typeUrl);
  }

  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  close(): void {
    this.#call.on('error', () => undefined);
    this.#call.cancel();
    this.#client.close();
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}

function read(bytes: Buffer): Received {
  const message = decodeMessage(RESPONSE, bytes) as {
    type_url?: string;
    nonce?: string;
    removed_resources?: string[];
    resources?: { name?: string; version?: string; ttl?: { seconds?: number }; resource?: { value?: Uint8Array } }[];
  };
  return {
    typeUrl: message.type_url ?? '',
    nonce: message.nonce ?? '',
    removed: message.removed_resources ?? [],
    resources: (message.resources ?? []).map(({ name, version, ttl, resource }) => ({
      name: name ?? '',
      version: version ?? '',
      hasBody: resource != null,
      body: Buffer.from(resource?.value ?? []),
      ...(ttl == null ? {} : { ttlSec: Number(ttl.seconds ?? 0) }),
    })),
    bytes,
  };
}
