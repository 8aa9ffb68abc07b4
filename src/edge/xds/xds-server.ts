import type { Node } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { parseAddress, type Random } from '../../base/units/index.ts';
import { SEND_ORDER, TYPE_URL } from '../../core/resources/index.ts';
import { type DebounceOptions, Publication, releaseBand, type Snapshot, viewOf } from '../../core/snapshot/index.ts';
import { KnownSets } from '../../core/subscriptions/index.ts';
import { AdmissionQueue } from './admission.ts';
import { clientStatusSource } from './client-status-source.ts';
import { DISCOVERY_METHODS } from './discovery-methods.ts';
import { type Admission, DiscoveryStream, type StreamHost, WAKE_MS } from './discovery-stream.ts';
import { LOAD_REPORTS_PATH, type LoadReportHost, LoadReportStream } from './load-reports.ts';
import { type NodeConfig, nodeConfig } from './node-config.ts';
import { type Peer, peerOf } from './node-identity.ts';
import { type NodeStatus, nodeStatuses } from './node-status.ts';
import { Publisher } from './publisher.ts';
import { ResponseCache } from './response-cache.ts';
import type { Inbox, OpenRequestsSource, SnapshotProvider, XdsLog, XdsMeter } from './seams.ts';
import { clientStatusMethods, HealthService, reflectionMethods, servedServices } from './services/index.ts';
import { type PresenceChange, StreamRegistry } from './stream-registry.ts';
import { type ConnectionTimes, GrpcServer, type TlsOptions } from './transport/grpc-server.ts';
import { type RpcHandler, STATUS } from './transport/rpc.ts';

const HEALTH_SERVICE = 'grpc.health.v1.Health';
/** A reconnect with the versions of 100,000 resources, or the 50 KB node of an Envoy up to 1.37 (law 10). */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
const STRUCTURE_DEBOUNCE: DebounceOptions = { quietMs: 100, capMs: 1000 };

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
  /** For Envoys whose load reports leave out open streams; without it those are guessed. */
  readonly openRequests?: OpenRequestsSource;
  /** For jitter; Math.random by default. */
  readonly random?: Random;
  /** Changes of structure are gathered for this long; weights never wait. */
  readonly debounce?: DebounceOptions;
  /** Mutual TLS. Without it the server is for loopback alone. */
  readonly tls?: TlsOptions;
  readonly maxConnectionAgeMs?: number;
  /** Other times of connections than the defaults. */
  readonly connectionTimes?: ConnectionTimes;
};

/**
 * The xDS services over gRPC: discovery in both variants, aggregated and by type, load reports, client status, health and
 * reflection. It holds the streams and gives them their snapshots; what they say to each other is core/subscriptions' concern.
 */
export class XdsServer {
  readonly #options: XdsServerOptions;
  readonly #grpc: GrpcServer;
  readonly #health: HealthService;
  readonly #registry = new StreamRegistry();
  readonly #loadStreams = new Set<LoadReportStream>();
  readonly #admissions = new AdmissionQueue();
  readonly #publisher = new Publisher((stream) => this.#snapshotOf(stream));
  /** By snapshot key. */
  readonly #publications = new Map<string, Publication>();
  #wakes: NodeJS.Timeout | undefined;
  #structure: NodeJS.Timeout | undefined;
  #address = '';
  #serving = false;

  constructor(options: XdsServerOptions) {
    this.#options = options;
    const methods = new Map<string, RpcHandler>([
      ...this.#discovery(),
      [LOAD_REPORTS_PATH, this.#loadReports()],
      ...clientStatusMethods(clientStatusSource(() => this.#registry.all())),
    ]);
    const services = servedServices(methods);
    this.#health = new HealthService({ services, status: () => (this.#serving ? 'SERVING' : 'NOT_SERVING') });
    this.#grpc = new GrpcServer({
      methods: new Map([
        ...methods,
        ...this.#health.methods,
        ...reflectionMethods([...services, HEALTH_SERVICE], { types: SEND_ORDER.map(messageName) }),
      ]),
      maxMessageBytes: MAX_MESSAGE_BYTES,
      random: options.random ?? Math.random,
      debug: (fields, message) => options.log.debug(fields, message),
      ...options.connectionTimes,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      ...(options.maxConnectionAgeMs === undefined ? {} : { maxConnectionAgeMs: options.maxConnectionAgeMs }),
    });
  }

  /** Where it listens; with the port that was found when 0 was asked for. */
  get address(): string {
    return this.#address;
  }

  /** @throws LoadlineError LOADLINE_BIND, LOADLINE_CONFIG */
  async start(): Promise<string> {
    const parsed = parseAddress(this.#options.address);
    if (!parsed.ok) throw new LoadlineError('LOADLINE_CONFIG', `xDS ${parsed.issues[0]?.message}`);
    this.#address = await this.#grpc.listen(parsed.value, this.#options.address);
    this.#wakes = setInterval(() => {
      const nowMs = this.#options.now();
      for (const stream of this.#registry.all()) stream.wake(nowMs);
    }, WAKE_MS);
    this.#wakes.unref();
    this.#serving = true;
    this.#health.changed();
    return this.#address;
  }

  /** Gives every stream its current snapshot. One compile per key, whatever the number of streams. */
  publish(): void {
    this.#offerAll();
    this.#publisher.publish(this.#registry.all());
    for (const stream of this.#loadStreams) stream.refresh();
  }

  /** Resolves when everybody was given what was published last. */
  async published(): Promise<void> {
    await this.#publisher.idle();
  }

  nodes(): readonly NodeStatus[] {
    return nodeStatuses(this.#registry.all());
  }

  /** Undefined when no such node is connected. */
  node(id: string): NodeConfig | undefined {
    return nodeConfig(this.#registry.all(), id);
  }

  /** Sorted; each once. */
  nodeIds(): readonly string[] {
    return [...new Set([...this.#registry.all()].flatMap(({ peer }) => peer?.nodeId ?? []))].sort();
  }

  /** Keys of the connected nodes, each once. */
  keys(): readonly string[] {
    return [...new Set([...this.#registry.all()].flatMap(({ peer }) => peer?.keyText ?? []))];
  }

  /** Ends the streams (Envoys keep what they have and reconnect), then the server. */
  async stop(graceMs = 1000): Promise<void> {
    this.#serving = false;
    this.#health.changed();
    clearInterval(this.#wakes);
    clearTimeout(this.#structure);
    this.#admissions.stop();
    await this.#grpc.close(graceMs);
  }

  #discovery(): readonly (readonly [string, RpcHandler])[] {
    const { inbox, meter, log, now } = this.#options;
    const host: StreamHost = {
      inbox,
      meter,
      log,
      now,
      cache: new ResponseCache(),
      sets: new KnownSets(),
      admit: (node, stream, decided) => {
        // It may be gone by the time that it is its turn: nobody would ever take it off the books again.
        const room = this.#admissions.enter(() => stream.over || decided(this.#admit(node, stream)));
        if (room) return;
        meter.refused?.('Busy');
        decided({ ok: false, status: STATUS.UNAVAILABLE, message: 'too many clients at once; try again in a moment' });
      },
      snapshotOf: (stream) => {
        if (stream.peer !== undefined && this.#publications.get(stream.peer.keyText)?.flush()) {
          this.#publisher.publish(this.#registry.all());
        }
        return this.#snapshotOf(stream);
      },
      left: (stream) => this.#left(stream),
    };
    return DISCOVERY_METHODS.map((method) => [method.path, (rpc) => new DiscoveryStream(method, rpc, host)] as const);
  }

  #admit(node: Node | undefined, stream: DiscoveryStream): Admission {
    const { log, meter } = this.#options;
    if (node === undefined || node.id === '') {
      meter.refused?.('Protocol');
      return refused(STATUS.INVALID_ARGUMENT, 'the first request must carry node.id and node.cluster');
    }
    const peer = this.#peerOf(node, stream.method.typeUrl === TYPE_URL.endpoint);
    if (peer === undefined) {
      const groups = this.#options.snapshots.groups();
      const known = groups.length === 0 ? 'none is loaded yet' : groups.join(', ');
      meter.refused?.('Identity');
      log.warn({ node: node.id, group: node.cluster, peer: stream.address }, 'sidecar refused: unknown group');
      return refused(STATUS.NOT_FOUND, `no SidecarGroup named '${node.cluster}' (node.cluster); known: ${known}`);
    }
    if (!this.#registry.hasRoom(peer.nodeId)) {
      meter.refused?.('Limit');
      log.warn({ node: node.id, peer: stream.address }, 'sidecar refused: too many streams of this node.id');
      return refused(STATUS.RESOURCE_EXHAUSTED, `node.id '${peer.nodeId}' has too many streams; is it used twice?`);
    }
    this.#tell(this.#registry.add(stream, peer), stream.address);
    meter.streams('ads', this.#registry.size);
    return { ok: true, peer, refusals: this.#registry.refusalsOf(peer) };
  }

  /** An Envoy that asks for endpoints alone may be in no group: its clusters are someone else's. */
  #peerOf(node: Node, endpointsOnly: boolean): Peer | undefined {
    const known = this.#options.snapshots.groups().includes(node.cluster);
    if (!known && !endpointsOnly) return undefined;
    return peerOf(node, known ? node.cluster : '', { endpointsOnly });
  }

  #left(stream: DiscoveryStream): void {
    const { peer } = stream;
    if (peer === undefined) return;
    this.#tell(this.#registry.remove(stream, peer), stream.address);
    this.#options.meter.streams('ads', this.#registry.size);
  }

  #tell(change: PresenceChange | undefined, address: string): void {
    if (change === undefined) return;
    const { inbox, log, now } = this.#options;
    const { kind, peer } = change;
    const { nodeId, envoyVersion } = peer;
    // One that takes only endpoints has no share in the limits of a group.
    const group = peer.key.endpointsOnly === true ? '' : peer.group;
    inbox.presence({ nodeId, group, kind, atMs: now(), envoyVersion });
    if (kind === 'Connected')
      log.info({ node: nodeId, group: peer.group, envoy: envoyVersion, peer: address }, 'sidecar connected');
    else log.info({ node: nodeId, group: peer.group }, 'sidecar disconnected');
  }

  #snapshotOf({ peer }: DiscoveryStream): Snapshot | undefined {
    if (peer === undefined) return undefined;
    return this.#publications.get(peer.keyText)?.published ?? this.#offer(peer);
  }

  #offerAll(): void {
    const peers = new Map<string, Peer>();
    for (const { peer } of this.#registry.all()) if (peer !== undefined) peers.set(peer.keyText, peer);
    for (const peer of peers.values()) this.#offer(peer);
    for (const key of this.#publications.keys()) if (!peers.has(key)) this.#publications.delete(key);
    this.#scheduleStructure();
  }

  #offer(peer: Peer): Snapshot | undefined {
    const next = this.#options.snapshots.snapshot(peer.key);
    let publication = this.#publications.get(peer.keyText);
    if (next === undefined) {
      // Nothing more will come for this key: what was held back must not be asked about for ever.
      publication?.flush();
      return publication?.published;
    }
    if (publication === undefined) {
      publication = new Publication(this.#options.debounce ?? STRUCTURE_DEBOUNCE);
      this.#publications.set(peer.keyText, publication);
    }
    return publication.offer(next, this.#options.now());
  }

  #scheduleStructure(): void {
    clearTimeout(this.#structure);
    const due = [...this.#publications.values()].flatMap(({ dueAtMs }) => dueAtMs ?? []);
    if (due.length === 0) return;
    const waitMs = Math.max(1, Math.min(...due) - this.#options.now());
    this.#structure = setTimeout(() => this.publish(), waitMs);
    this.#structure.unref();
  }

  #loadReports(): RpcHandler {
    const { inbox, meter, log, now, loadReportIntervalMs, openRequests } = this.#options;
    const host: LoadReportHost = {
      inbox,
      meter,
      log,
      now,
      loadReportIntervalMs,
      openRequests,
      clustersOf: (node) => this.#clustersOf(node),
      left: (stream) => {
        this.#loadStreams.delete(stream);
        meter.streams('lrs', this.#loadStreams.size);
      },
    };
    return (rpc) => {
      const stream = new LoadReportStream(rpc, host);
      this.#loadStreams.add(stream);
      meter.streams('lrs', this.#loadStreams.size);
      return stream;
    };
  }

  #clustersOf(node: Node): readonly string[] | undefined {
    const peer = this.#peerOf(node, true);
    if (peer === undefined) return undefined;
    const snapshot = this.#options.snapshots.snapshot({ ...peer.key, release: releaseBand(node.envoyVersion) });
    return snapshot === undefined ? [] : [...viewOf(snapshot, TYPE_URL.endpoint).keys()].sort();
  }
}

function messageName(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}

function refused(status: number, message: string): Admission {
  return { ok: false, status, message };
}
