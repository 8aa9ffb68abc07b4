import {
  type Server as GrpcServer,
  type handleBidiStreamingCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { decodeDeltaRequest, grpcService, type Node } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { snapshotKeyText } from '../../core/snapshot/index.ts';
import { removeStaleSocket } from '../listen/index.ts';
import { AdsStream, type TypeStatus } from './ads-stream.ts';
import { serveLoadReports } from './load-reports.ts';
import { peerOf } from './node-identity.ts';
import type { Inbox, SnapshotProvider, XdsLog, XdsMeter } from './seams.ts';

const HEARTBEAT_CHECK_MS = 1000;
/** A response with all resources of a large group, and requests of Envoy up to 1.37 with their 50 KB node (law 10). */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

export type XdsServerOptions = {
  /** `127.0.0.1:18000`, `127.0.0.1:0` for a free port, or `unix:PATH`. */
  readonly address: string;
  readonly snapshots: SnapshotProvider;
  readonly inbox: Inbox;
  readonly meter: XdsMeter;
  readonly log: XdsLog;
  /** Milliseconds; the clock that stamps deliveries and reports. */
  readonly now: () => number;
  readonly loadReportIntervalMs: number;
};

/** A connected sidecar, as `loadline status` shows it. */
export type NodeStatus = {
  readonly id: string;
  readonly group: string;
  readonly envoyVersion: string;
  readonly peer: string;
  readonly connectedAtMs: number;
  readonly types: readonly TypeStatus[];
};

type Duplex = ServerDuplexStream<Buffer, Buffer>;

/** The xDS services over gRPC: aggregated delta discovery and load reporting. */
export class XdsServer {
  readonly #options: XdsServerOptions;
  readonly #server: GrpcServer;
  readonly #streams = new Map<AdsStream, Duplex>();
  readonly #loadStreams = new Set<Duplex>();
  #heartbeats: NodeJS.Timeout | undefined;
  #address = '';

  constructor(options: XdsServerOptions) {
    this.#options = options;
    this.#server = new Server({
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.enable_channelz': 0,
    });
    const discovery: handleBidiStreamingCall<Buffer, Buffer> = (call) => this.#serveDelta(call);
    this.#server.addService(service('envoy.service.discovery.v3.AggregatedDiscoveryService'), {
      DeltaAggregatedResources: discovery,
      StreamAggregatedResources: (call: Duplex) =>
        fail(call, status.UNIMPLEMENTED, 'state-of-the-world streams are not served; set api_type: DELTA_GRPC'),
    });
    this.#server.addService(service('envoy.service.load_stats.v3.LoadReportingService'), {
      StreamLoadStats: (call: Duplex) => this.#serveLoad(call),
    });
  }

  /** Where it listens; with the port that was found when 0 was asked for. */
  get address(): string {
    return this.#address;
  }

  /** @throws LoadlineError LOADLINE_BIND */
  async start(): Promise<string> {
    const { address } = this.#options;
    if (address.startsWith('unix:')) await removeStaleSocket(address.slice('unix:'.length));
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(new LoadlineError('LOADLINE_BIND', `xDS cannot listen on ${address}: ${error.message}`, error));
      });
    });
    this.#address = address.startsWith('unix:') ? address : address.replace(/:\d+$/, `:${port}`);
    this.#heartbeats = setInterval(() => {
      for (const stream of this.#streams.keys()) stream.heartbeat();
    }, HEARTBEAT_CHECK_MS);
    this.#heartbeats.unref();
    return this.#address;
  }

  /** Gives every stream its current snapshot. One compile per key, whatever the number of streams. */
  publish(): void {
    for (const stream of this.#streams.keys()) {
      const snapshot = this.#options.snapshots.snapshot(stream.peer.key);
      // A group that is gone from the policy keeps what it has: nothing is ever published empty for want of a source.
      if (snapshot !== undefined) stream.publish(snapshot);
    }
  }

  nodes(): readonly NodeStatus[] {
    return [...this.#streams.keys()]
      .map((stream) => ({
        id: stream.peer.nodeId,
        group: stream.peer.group,
        envoyVersion: stream.peer.envoyVersion,
        peer: stream.address,
        connectedAtMs: stream.connectedAtMs,
        types: stream.status(),
      }))
      .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : a.connectedAtMs - b.connectedAtMs));
  }

  /** Keys of the connected nodes, each once. */
  keys(): readonly string[] {
    return [...new Set([...this.#streams.keys()].map((stream) => snapshotKeyText(stream.peer.key)))];
  }

  /** Ends the streams (Envoys keep what they have and reconnect), then the server. `tryShutdown` alone would wait for ever. */
  async stop(graceMs = 1000): Promise<void> {
    clearInterval(this.#heartbeats);
    for (const [stream, call] of this.#streams) {
      stream.close();
      call.end();
    }
    for (const call of this.#loadStreams) call.end();
    await new Promise<void>((resolve) => {
      const force = setTimeout(() => this.#server.forceShutdown(), graceMs);
      this.#server.tryShutdown(() => {
        clearTimeout(force);
        resolve();
      });
    });
  }

  #serveDelta(call: Duplex): void {
    const { inbox, log, now, meter, snapshots } = this.#options;
    let stream: AdsStream | undefined;
    const leave = (): void => {
      if (stream === undefined || !this.#streams.delete(stream)) return;
      stream.close();
      meter.streams('ads', this.#streams.size);
      const { nodeId, group, envoyVersion } = stream.peer;
      const stillThere = [...this.#streams.keys()].some((other) => other.peer.nodeId === nodeId);
      if (!stillThere) inbox.presence({ nodeId, group, kind: 'Disconnected', atMs: now(), envoyVersion });
      log.info({ node: nodeId, group }, 'sidecar disconnected');
    };
    call.on('data', (bytes: Buffer) => {
      // Node only in the first message; later copies (Envoy up to 1.37) are skipped by length.
      const request = tryDecode(() => decodeDeltaRequest(bytes, { node: stream === undefined }));
      if (request === undefined) return fail(call, status.INVALID_ARGUMENT, 'not a DeltaDiscoveryRequest');
      if (stream === undefined) {
        stream = this.#admit(call, request.node);
        if (stream === undefined) return;
        const { nodeId, group, envoyVersion } = stream.peer;
        inbox.presence({ nodeId, group, kind: 'Connected', atMs: now(), envoyVersion });
        log.info({ node: nodeId, group, envoy: envoyVersion, peer: stream.address }, 'sidecar connected');
      }
      if (request.typeUrl === '')
        return fail(call, status.INVALID_ARGUMENT, 'type_url is required on an aggregated stream');
      const snapshot = snapshots.snapshot(stream.peer.key);
      if (snapshot !== undefined) stream.publish(snapshot);
      stream.receive(request.typeUrl, request);
    });
    call.on('end', () => {
      leave();
      call.end();
    });
    call.on('cancelled', leave);
    call.on('error', leave);
    call.on('close', leave);
  }

  #admit(call: Duplex, node: Node | undefined): AdsStream | undefined {
    if (node === undefined || node.id === '') {
      fail(call, status.INVALID_ARGUMENT, 'the first request must carry node.id and node.cluster');
      return undefined;
    }
    const groups = this.#options.snapshots.groups();
    if (!groups.includes(node.cluster)) {
      const known = groups.length === 0 ? 'none is loaded yet' : groups.join(', ');
      this.#options.log.warn({ node: node.id, group: node.cluster }, 'sidecar refused: unknown group');
      fail(call, status.NOT_FOUND, `no SidecarGroup named '${node.cluster}' (node.cluster); known: ${known}`);
      return undefined;
    }
    const stream = new AdsStream({
      peer: peerOf(node, node.cluster),
      address: call.getPeer(),
      write: (bytes, taken) => {
        call.write(bytes, taken);
      },
      inbox: this.#options.inbox,
      meter: this.#options.meter,
      log: this.#options.log,
      now: this.#options.now,
    });
    this.#streams.set(stream, call);
    this.#options.meter.streams('ads', this.#streams.size);
    return stream;
  }

  #serveLoad(call: Duplex): void {
    this.#loadStreams.add(call);
    this.#options.meter.streams('lrs', this.#loadStreams.size);
    serveLoadReports(call, this.#options, () => {
      this.#loadStreams.delete(call);
      this.#options.meter.streams('lrs', this.#loadStreams.size);
    });
  }
}

function service(name: string): ServiceDefinition {
  return grpcService(name) as unknown as ServiceDefinition;
}

function fail(call: Duplex, code: status, details: string): void {
  call.emit('error', { code, details, metadata: new Metadata() });
}

function tryDecode<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    // Only what the bytes are to blame for; anything else is a defect of ours and must be seen.
    if (error instanceof LoadlineError) return undefined;
    throw error;
  }
}
