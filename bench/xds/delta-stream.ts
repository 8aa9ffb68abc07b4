import {
  CDS,
  changeOf,
  type DeltaResponse,
  EDS,
  encodeAck,
  encodeRequest,
  LDS,
  nodeField,
  RDS,
  type Received,
  scanResponse,
  TYPE_COUNT,
} from './discovery.ts';
import { GrpcStream, type GrpcStreamOwner, type Peer } from './grpc-stream.ts';

/** The cluster whose assignment the changes are made in, and the route configuration that marks the end of a first sync. */
const CHANGING = 'c-0';
const ROUTE = 'r';
const NO_NODE = Buffer.alloc(0);
/** Envoy's first back-off without its jitter; a server that cannot accept fast enough resets connections. */
const RETRY_MS = 500;
const MAX_RETRIES = 10;

export type NodeStyle = {
  /** 0: a small node. */
  readonly paddingBytes: number;
  /** Envoy 1.36 and 1.37 send it with each request, later ones only with the first. */
  readonly inEveryRequest: boolean;
};

/** What the fleet counts, as streams see it. */
export interface StreamObserver {
  /** All types are there; after a reconnect: the answer to the marker came. */
  inSync(stream: DeltaStream): void;
  /** A change reached the stream for the first time, in a message of this size. */
  receipt(stream: DeltaStream, change: number, bytes: number): void;
  /** Resources that the client had told it holds, sent all the same. */
  sentAgain(resources: number, bytes: number): void;
  /** The connection broke before the stream was in sync, and is made again. */
  retried(): void;
  failed(stream: DeltaStream, reason: string): void;
}

/** One Envoy: its subscriptions in Envoy's order, an ACK for each response, and what it holds. */
export class DeltaStream implements GrpcStreamOwner {
  readonly id: string;
  stalled = false;
  /** Number of the last change that came. */
  change = 0;
  readonly #peer: Peer;
  readonly #style: NodeStyle;
  readonly #observer: StreamObserver;
  readonly #held: readonly Map<string, string>[] = Array.from({ length: TYPE_COUNT }, () => new Map());
  #call: GrpcStream | undefined;
  #node: Buffer = NO_NODE;
  #phase: 'syncing' | 'returning' | 'live' = 'syncing';
  #asked = CDS;
  #retries = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(id: string, peer: Peer, style: NodeStyle, observer: StreamObserver) {
    this.id = id;
    this.#peer = peer;
    this.#style = style;
    this.#observer = observer;
  }

  connect(): void {
    this.#open('syncing');
    this.#send({ type: CDS });
  }

  /** As Envoy does it: all subscriptions at once with what it holds, and routes without, whose answer marks the end. */
  reconnect(): void {
    this.#call?.destroy();
    this.#open('returning');
    this.#send({ type: CDS, known: this.#holds(CDS) });
    this.#send({ type: EDS, subscribe: [...this.#holds(EDS).keys()], known: this.#holds(EDS) });
    this.#send({ type: LDS, known: this.#holds(LDS) });
    this.#send({ type: RDS, subscribe: [ROUTE] });
  }

  /** Ends the count of what is sent again: answers may come behind that to the marker. */
  settle(): void {
    this.#phase = 'live';
    this.#retries = 0;
  }

  stall(): void {
    this.stalled = true;
    this.#call?.stall();
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#call?.destroy();
  }

  ended(reason: string): void {
    if (this.#phase === 'live' || this.#retries === MAX_RETRIES) {
      this.#observer.failed(this, reason);
      return;
    }
    this.#retries += 1;
    this.#observer.retried();
    this.#retry = setTimeout(() => (this.#phase === 'syncing' ? this.connect() : this.reconnect()), RETRY_MS);
  }

  message(bytes: Buffer, start: number, end: number): void {
    const response = scanResponse(bytes, start, end);
    const { type, nonce, resources } = response;
    if (type === -1) {
      this.#observer.failed(this, 'a response of a type that was not asked for');
      return;
    }
    for (const resource of resources) {
      this.#holds(type).set(resource.name, resource.version);
      if (type === EDS && resource.name === CHANGING) this.#changed(bytes, resource, end - start);
    }
    this.#call?.send(encodeAck(type, nonce, this.#takeNode()));
    if (this.#phase === 'syncing') this.#askFurther(response);
    else if (this.#phase === 'returning') {
      if (type === RDS) this.#observer.inSync(this);
      else this.#observer.sentAgain(resources.length, end - start);
    }
  }

  #changed(bytes: Buffer, resource: Received, size: number): void {
    const change = changeOf(bytes, resource);
    if (change === this.change) return;
    this.change = change;
    if (this.#phase === 'live') this.#observer.receipt(this, change, size);
  }

  /** Clusters, then their assignments, then listeners, then routes: what Envoy can use only with the one before. */
  #askFurther({ type, resources }: DeltaResponse): void {
    if (type !== this.#asked) return;
    if (type === CDS) {
      this.#asked = EDS;
      this.#send({ type: EDS, subscribe: resources.map(({ name }) => name) });
    } else if (type === EDS && this.#holds(EDS).size >= this.#holds(CDS).size) {
      this.#asked = LDS;
      this.#send({ type: LDS });
    } else if (type === LDS) {
      this.#asked = RDS;
      this.#send({ type: RDS, subscribe: [ROUTE] });
    } else if (type === RDS) {
      this.settle();
      this.#observer.inSync(this);
    }
  }

  #open(phase: 'syncing' | 'returning'): void {
    this.stalled = false;
    this.#phase = phase;
    this.#asked = CDS;
    this.#node = nodeField(this.id, this.#style.paddingBytes);
    this.#call = new GrpcStream(this.#peer, this);
  }

  #send(request: Parameters<typeof encodeRequest>[0]): void {
    this.#call?.send(encodeRequest(request, this.#takeNode()));
  }

  #takeNode(): Buffer {
    const node = this.#node;
    if (!this.#style.inEveryRequest) this.#node = NO_NODE;
    return node;
  }

  #holds(type: number): Map<string, string> {
    return this.#held[type] as Map<string, string>;
  }
}
