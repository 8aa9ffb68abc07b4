import type { Node } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { parseAddress } from '../../base/units/index.ts';
import { type Snapshot, type SnapshotKey, snapshotKeyText } from '../../core/snapshot/index.ts';
import { KnownSets } from '../../core/subscriptions/index.ts';
import { DISCOVERY_METHODS } from './discovery-methods.ts';
import { type Admission, DiscoveryStream, type StreamHost, WAKE_MS } from './discovery-stream.ts';
import { peerOf } from './node-identity.ts';
import { ResponseCache } from './response-cache.ts';
import type { XdsLog } from './seams.ts';
import { GrpcServer } from './transport/grpc-server.ts';
import { STATUS } from './transport/rpc.ts';

const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** Where the fallback gets what it serves. Both are asked when a stream begins. */
export interface FallbackSource {
  /** Why nobody is served now; undefined: Envoys are served. */
  closed(): string | undefined;
  /** For an Envoy of this release band. undefined: nothing is kept. */
  snapshot(release: string): Snapshot | undefined;
}

export type FallbackServerOptions = {
  /** `unix:PATH`, or a port of loopback: whoever reaches it is served. */
  readonly address: string;
  /** Whose resources these are; `release` apart, an Envoy must have the same. */
  readonly key: SnapshotKey;
  readonly source: FallbackSource;
  readonly log: XdsLog;
  readonly now: () => number;
};

/**
 * Serves one snapshot that does not change to the Envoy beside it, by delta ADS alone (what a bootstrap of ours asks for). What
 * an Envoy says that it has stays as it is: one that runs already has something newer than what is kept here.
 */
export class FallbackServer {
  readonly #options: FallbackServerOptions;
  readonly #grpc: GrpcServer;
  readonly #streams = new Set<DiscoveryStream>();
  #wakes: NodeJS.Timeout | undefined;

  constructor(options: FallbackServerOptions) {
    this.#options = options;
    const { log, now } = options;
    const host: StreamHost = {
      inbox: NOBODY_LISTENS,
      meter: NOTHING_IS_COUNTED,
      log,
      now,
      cache: new ResponseCache(),
      sets: new KnownSets(),
      keepsHeld: true,
      admit: (node, stream, decided) => decided(this.#admit(node, stream)),
      snapshotOf: ({ peer }) => (peer === undefined ? undefined : options.source.snapshot(peer.key.release)),
      left: (stream) => this.#streams.delete(stream),
    };
    const methods = DISCOVERY_METHODS.filter(({ variant, typeUrl }) => variant === 'Delta' && typeUrl === undefined);
    this.#grpc = new GrpcServer({
      methods: new Map(methods.map((method) => [method.path, (rpc) => new DiscoveryStream(method, rpc, host)])),
      maxMessageBytes: MAX_MESSAGE_BYTES,
      random: Math.random,
      debug: (fields, message) => log.debug(fields, message),
    });
  }

  /** @throws LoadlineError LOADLINE_BIND, LOADLINE_CONFIG. Returns where it listens. */
  async start(): Promise<string> {
    const { address, now } = this.#options;
    const parsed = parseAddress(address);
    if (!parsed.ok) throw new LoadlineError('LOADLINE_CONFIG', `fallback ${parsed.issues[0]?.message}`);
    const bound = await this.#grpc.listen(parsed.value, address);
    this.#wakes = setInterval(() => {
      for (const stream of this.#streams) stream.wake(now());
    }, WAKE_MS);
    return bound;
  }

  /** Envoys keep what they have and try the server next. Returns how many there were. */
  endStreams(reason: string): number {
    const streams = [...this.#streams];
    for (const stream of streams) stream.end(STATUS.UNAVAILABLE, reason);
    return streams.length;
  }

  async stop(graceMs = 500): Promise<void> {
    clearInterval(this.#wakes);
    await this.#grpc.close(graceMs);
  }

  #admit(node: Node | undefined, stream: DiscoveryStream): Admission {
    const { key, source, log } = this.#options;
    const refuse = (status: number, message: string): Admission => ({ ok: false, status, message });
    if (node === undefined || node.id === '')
      return refuse(STATUS.INVALID_ARGUMENT, 'the first request must carry node.id and node.cluster');
    const reason = source.closed();
    if (reason !== undefined) return refuse(STATUS.UNAVAILABLE, reason);
    const peer = peerOf(node, node.cluster, { endpointsOnly: false });
    if (snapshotKeyText({ ...peer.key, release: key.release }) !== snapshotKeyText(key)) {
      const message = `what is kept is for group ${key.group} with listeners ${JSON.stringify(key.listenerOverrides)}`;
      log.warn({ node: node.id, group: node.cluster, reason: message }, 'sidecar refused');
      return refuse(STATUS.PERMISSION_DENIED, message);
    }
    if (source.snapshot(peer.key.release) === undefined) return refuse(STATUS.UNAVAILABLE, 'nothing is kept yet');
    this.#streams.add(stream);
    log.info({ node: node.id, group: node.cluster, envoy: node.envoyVersion }, 'sidecar is served what was kept');
    return { ok: true, peer, refusals: [] };
  }
}

const NOBODY_LISTENS: StreamHost['inbox'] = { presence: () => {}, report: () => {}, delivery: () => {} };
const NOTHING_IS_COUNTED: StreamHost['meter'] = {
  pushed: () => {},
  answered: () => {},
  streams: () => {},
  reported: () => {},
};
