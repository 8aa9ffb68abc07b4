import type { Node } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { parseAddress, type Random } from '../../base/units/index.ts';
import { SEND_ORDER, TYPE_URL } from '../../core/resources/index.ts';
import {
  type DebounceOptions,
  Publication,
  type Snapshot,
  type SnapshotKey,
  viewOf,
} from '../../core/snapshot/index.ts';
import { KnownSets } from '../../core/subscriptions/index.ts';
import type { ClientCertificate, TlsMaterial } from '../tls/index.ts';
import { AdmissionQueue } from './admission.ts';
import { type CanaryStanding, canaryStandings } from './canary-standing.ts';
import { clientStatusSource } from './client-status-source.ts';
import { DISCOVERY_METHODS } from './discovery-methods.ts';
import { type Admission, DiscoveryStream, type StreamHost, WAKE_MS } from './discovery-stream.ts';
import { GateKeeper, type Standing } from './gate-keeper.ts';
import { LOAD_REPORTS_PATH, type LoadReportHost, LoadReportStream } from './load-reports.ts';
import { type NodeConfig, nodeConfig } from './node-config.ts';
import type { Peer } from './node-identity.ts';
import { type NodeResources, nodeResources } from './node-resources.ts';
import { type NodeStatus, nodeStatuses } from './node-status.ts';
import { Publisher } from './publisher.ts';
import { ResponseCache } from './response-cache.ts';
import type { Inbox, OpenRequestsSource, SnapshotProvider, XdsLog, XdsMeter } from './seams.ts';
import { clientStatusMethods, HealthService, reflectionMethods, servedServices } from './services/index.ts';
import { type PresenceChange, StreamRegistry } from './stream-registry.ts';
import { type ConnectionTimes, GrpcServer } from './transport/grpc-server.ts';
import { type RpcHandler, STATUS } from './transport/rpc.ts';
import { type Keyed, ZonedKeys } from './zoned-keys.ts';

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
  /** Mutual TLS: certificates say who may join which group. Without it the server is for loopback alone. */
  readonly tls?: TlsMaterial;
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
  readonly #gate: GateKeeper;
  readonly #health: HealthService;
  readonly #registry = new StreamRegistry();
  readonly #loadStreams = new Set<LoadReportStream>();
  readonly #admissions = new AdmissionQueue();
  readonly #publisher = new Publisher((stream) => this.#snapshotOf(stream));
  /** By snapshot key. */
  readonly #publications = new Map<string, Publication>();
  readonly #keys = new ZonedKeys();
  #wakes: NodeJS.Timeout | undefined;
  #structure: NodeJS.Timeout | undefined;
  #address = '';
  #serving = false;

  constructor(options: XdsServerOptions) {
    this.#options = options;
    this.#gate = new GateKeeper({ snapshots: options.snapshots, mutualTls: options.tls !== undefined });
    const methods = new Map<string, RpcHandler>([
      ...this.#discovery(),
      [LOAD_REPORTS_PATH, this.#loadReports()],
      ...this.#clientStatus(),
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
      handshakeFailed: (failure) => options.meter.handshakeFailed?.(failure),
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

  /** Handshakes from now on use this; streams that stand go on. */
  renewTls(tls: TlsMaterial): void {
    this.#grpc.renewTls(tls);
  }

  /** Ends the streams of clients whose certificate counts no more, in the words that are given for them. */
  endClients(verdict: (client: ClientCertificate) => string | undefined): void {
    this.#grpc.endClients(verdict);
  }

  /** Ends the streams of nodes that the policy does not let in any more. */
  reviewIdentities(): void {
    for (const stream of [...this.#registry.all(), ...this.#loadStreams]) {
      const { peer } = stream;
      const reason = peer === undefined ? undefined : this.#gate.expelled(peer);
      if (peer === undefined || reason === undefined) continue;
      this.#options.meter.refused?.('Identity');
      this.#options.log.warn({ node: peer.nodeId, group: peer.group, peer: stream.address, reason }, 'sidecar refused');
      stream.end(STATUS.PERMISSION_DENIED, reason);
    }
  }

  /**
   * Gives every stream its current snapshot. One compile per key, whatever the number of streams. `atOnce`: changes of
   * structure do not wait for more of their kind, so that who changes between tracks gets nothing that was before.
   */
  publish(atOnce: boolean = false): void {
    this.#offerAll(atOnce);
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

  /** The content of what a node should have. Undefined when no such node is connected. */
  resourcesOf(id: string): NodeResources | undefined {
    return nodeResources(this.#registry.all(), id, (peer) => this.#keyed(peer).key.track ?? 'Stable');
  }

  /** Sorted; each once. */
  nodeIds(): readonly string[] {
    return [...new Set([...this.#registry.all()].flatMap(({ peer }) => peer?.nodeId ?? []))].sort();
  }

  /** Who is connected, and what decides which bytes it gets; a node with streams of several kinds comes once for each. */
  connected(): readonly { readonly id: string; readonly key: SnapshotKey }[] {
    const found = new Map<string, { readonly id: string; readonly key: SnapshotKey }>();
    for (const { peer } of this.#registry.all()) {
      if (peer !== undefined) found.set(`${peer.nodeId}\n${peer.keyText}`, { id: peer.nodeId, key: peer.key });
    }
    return [...found.values()];
  }

  /** Texts of the keys of the connected nodes, each once; of canaries both. */
  keys(): readonly string[] {
    const texts = [...this.#registry.all()].flatMap(({ peer }) =>
      peer === undefined ? [] : [this.#zoned(peer, peer).keyText, this.#keyed(peer).keyText],
    );
    return [...new Set(texts)];
  }

  /** What those who try a change get, of the kinds of nodes that are connected. */
  canaryKeys(): readonly SnapshotKey[] {
    const keys = new Map<string, SnapshotKey>();
    for (const { peer } of this.#registry.all()) {
      if (peer === undefined) continue;
      const { key, keyText } = this.#zoned(peer, peer.canary);
      keys.set(keyText, key);
    }
    return [...keys.values()];
  }

  /** How the nodes that try a change stand with it, by node id; one that is not connected is not in it. */
  canaryStandings(nodeIds: readonly string[]): ReadonlyMap<string, CanaryStanding> {
    const stable = (peer: Peer) => this.#options.snapshots.snapshot(this.#zoned(peer, peer).key);
    return canaryStandings(this.#registry.all(), new Set(nodeIds), stable);
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
        if (stream.peer !== undefined && this.#publications.get(this.#keyed(stream.peer).keyText)?.flush()) {
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
    const standing = this.#standing(node, stream, stream.method.typeUrl === TYPE_URL.endpoint);
    if (!standing.ok) return standing;
    const { peer } = standing;
    if (!this.#registry.hasRoom(peer.nodeId)) {
      meter.refused?.('Limit');
      log.warn({ node: node.id, peer: stream.address }, 'sidecar refused: too many streams of this node.id');
      return refused(STATUS.RESOURCE_EXHAUSTED, `node.id '${peer.nodeId}' has too many streams; is it used twice?`);
    }
    this.#gate.claims.take(peer.nodeId, peer.identity);
    this.#tell(this.#registry.add(stream, peer), stream.address);
    meter.streams('ads', this.#registry.size);
    return { ok: true, peer, refusals: this.#registry.refusalsOf(peer) };
  }

  #standing(
    node: Node,
    { client, address }: { readonly client: ClientCertificate | undefined; readonly address: string },
    endpointsOnly: boolean,
  ): Standing {
    const standing = this.#gate.standing(node, client, endpointsOnly);
    if (standing.ok) return standing;
    const { log, meter } = this.#options;
    meter.refused?.('Identity');
    const who = { node: node.id, group: node.cluster, peer: address, identity: client?.spiffeId };
    log.warn({ ...who, reason: standing.message }, 'sidecar refused');
    return standing;
  }

  #left(stream: DiscoveryStream): void {
    const { peer } = stream;
    if (peer === undefined) return;
    this.#gate.claims.give(peer.nodeId, peer.identity);
    this.#tell(this.#registry.remove(stream, peer), stream.address);
    this.#options.meter.streams('ads', this.#registry.size);
  }

  #tell(change: PresenceChange | undefined, address: string): void {
    if (change === undefined) return;
    const { inbox, log, now } = this.#options;
    const { kind, peer } = change;
    const { nodeId, envoyVersion, zone } = peer;
    const group = peer.uncounted ? '' : peer.group;
    const where = zone === '' ? {} : { zone };
    inbox.presence({ nodeId, group, kind, atMs: now(), envoyVersion, ...where });
    if (kind === 'Connected')
      log.info({ node: nodeId, group: peer.group, envoy: envoyVersion, peer: address }, 'sidecar connected');
    else log.info({ node: nodeId, group: peer.group }, 'sidecar disconnected');
  }

  #snapshotOf({ peer }: DiscoveryStream): Snapshot | undefined {
    if (peer === undefined) return undefined;
    const keyed = this.#keyed(peer);
    return this.#publications.get(keyed.keyText)?.published ?? this.#offer(keyed);
  }

  /** What a peer gets: as all others of its kind, or as those that try a change. */
  #keyed(peer: Peer): Keyed {
    return this.#zoned(peer, this.#options.snapshots.trackOf?.(peer) === 'Canary' ? peer.canary : peer);
  }

  /** With its zone, where that makes a difference. */
  #zoned({ zone: claimed }: Peer, keyed: Keyed): Keyed {
    const { key } = keyed;
    if (key.endpointsOnly === true) return keyed;
    const zone = this.#options.snapshots.zoneOf?.(key, claimed);
    return zone === undefined ? keyed : this.#keys.zoned(keyed, zone);
  }

  #offerAll(atOnce: boolean): void {
    const wanted = new Map<string, Keyed>();
    for (const { peer } of this.#registry.all()) {
      if (peer === undefined) continue;
      const keyed = this.#keyed(peer);
      wanted.set(keyed.keyText, keyed);
    }
    for (const keyed of wanted.values()) this.#offer(keyed);
    for (const [key, publication] of this.#publications) {
      if (!wanted.has(key)) this.#publications.delete(key);
      else if (atOnce) publication.flush();
    }
    this.#scheduleStructure();
  }

  #offer({ key, keyText }: Keyed): Snapshot | undefined {
    const next = this.#options.snapshots.snapshot(key);
    let publication = this.#publications.get(keyText);
    if (next === undefined) {
      // Nothing more will come for this key: what was held back must not be asked about for ever.
      publication?.flush();
      return publication?.published;
    }
    if (publication === undefined) {
      publication = new Publication(this.#options.debounce ?? STRUCTURE_DEBOUNCE);
      this.#publications.set(keyText, publication);
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
    const { inbox, meter, log, now, loadReportIntervalMs, openRequests, snapshots, tls } = this.#options;
    const host: LoadReportHost = {
      inbox,
      meter,
      log,
      now,
      loadReportIntervalMs,
      openRequests,
      admit: (node, stream) => {
        const standing = this.#standing(node, stream, true);
        if (standing.ok) this.#gate.claims.take(standing.peer.nodeId, standing.peer.identity);
        return standing;
      },
      clustersOf: (peer) => this.#clustersOf(peer),
      servicesOf: ({ group }) => (tls === undefined ? undefined : snapshots.servicesOf(group)),
      left: (stream) => {
        const { peer } = stream;
        if (peer !== undefined) this.#gate.claims.give(peer.nodeId, peer.identity);
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

  #clustersOf(peer: Peer): readonly string[] {
    const { key } = this.#keyed(peer);
    const snapshot = this.#options.snapshots.snapshot(key);
    return snapshot === undefined ? [] : [...viewOf(snapshot, TYPE_URL.endpoint).keys()].sort();
  }

  /** With mutual TLS an identity sees its own nodes; all of them are for the admin API. */
  #clientStatus(): readonly (readonly [string, RpcHandler])[] {
    const methodsFor = (streams: () => Iterable<DiscoveryStream>) => clientStatusMethods(clientStatusSource(streams));
    if (this.#options.tls === undefined) return [...methodsFor(() => this.#registry.all())];
    return [...methodsFor(() => []).keys()].map((path) => [
      path,
      (rpc) => {
        const own = () => [...this.#registry.all()].filter(({ peer }) => sameIdentity(peer, rpc.client));
        return (methodsFor(own).get(path) as RpcHandler)(rpc);
      },
    ]);
  }
}

function sameIdentity(peer: Peer | undefined, client: ClientCertificate | undefined): boolean {
  return peer?.identity !== undefined && peer.identity === client?.spiffeId;
}

function messageName(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}

function refused(status: number, message: string): Admission {
  return { ok: false, status, message };
}
