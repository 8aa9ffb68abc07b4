import type { Socket } from 'node:net';
import type { Address, Random } from '../../../base/units/index.ts';
import {
  encodeHeaders,
  Http2Connection,
  type Http2Stream,
  type Request,
  type StreamListener,
} from '../../http2/index.ts';
import { Acceptor } from '../../listen/index.ts';
import type { ClientCertificate, HandshakeFailure, TlsMaterial } from '../../tls/index.ts';
import { GrpcCall } from './grpc-call.ts';
import { peerName } from './peer-name.ts';
import { type RpcMethods, STATUS } from './rpc.ts';

/** When the server looks after a connection by itself; each has a default. */
export type ConnectionTimes = {
  /** A ping after so much silence on a connection; it is ended when no answer comes within the timeout. */
  readonly keepaliveMs?: number;
  readonly keepaliveTimeoutMs?: number;
  /** A connection without a call is ended after this time. */
  readonly idleMs?: number;
  /** Connections are ended after this time, give or take a fifth, so that clients spread over replicas. */
  readonly maxConnectionAgeMs?: number;
  /** What was ended, a call or a connection of age, is cut off after this time when its peer does not take the rest. */
  readonly retireMs?: number;
  /** How often connections are looked at. */
  readonly sweepMs?: number;
};

export type GrpcServerOptions = ConnectionTimes & {
  readonly methods: RpcMethods;
  /** Mutual TLS. */
  readonly tls?: TlsMaterial | undefined;
  /** A client that was not let in. */
  readonly handshakeFailed?: ((failure: HandshakeFailure) => void) | undefined;
  readonly maxMessageBytes: number;
  /** For the jitter, 0..1. */
  readonly random: Random;
  readonly debug: (fields: object, message: string) => void;
};

/** A connection may hold the beginnings of so many large messages; each of its streams may begin one. */
const MAX_HELD_MESSAGES = 2;
const AGE_JITTER = 0.2;
const DEFAULT_SWEEP_MS = 1000;
const DEFAULT_IDLE_MS = 20_000;
const DEFAULT_RETIRE_MS = 10_000;
const DEFAULT_KEEPALIVE_MS = 30_000;
const DEFAULT_KEEPALIVE_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_CONNECTION_AGE_MS = 3_600_000;

/** Of what a client asks for, in our answer: it is to learn from it, not to make us work. */
const MAX_QUOTED_CHARACTERS = 100;

const METHOD_NOT_ALLOWED = encodeHeaders([[':status', '405']]);
const UNSUPPORTED_MEDIA_TYPE = encodeHeaders([[':status', '415']]);
/** Not gRPC-Web: that is another protocol under a similar name. */
const GRPC_TYPE = /^application\/grpc(?:$|[+;])/;
const NOBODY: StreamListener = { data: () => undefined, halfClosed: () => undefined, closed: () => undefined };

type Connection = {
  readonly http2: Http2Connection;
  readonly calls: Set<GrpcCall>;
  readonly client: ClientCertificate | undefined;
  readonly endAtMs: number;
  /** When the last call ended; without a call, when it was opened. */
  idleSinceMs: number;
  pingedAtMs: number | undefined;
  retiredAtMs: number | undefined;
  /** Memory of messages that have begun. */
  heldBytes: number;
};

/**
 * gRPC over HTTP/2: only what a server of long streams needs, and the bytes of a response go from one shared buffer into
 * every connection. grpc-js copies them once per stream, which is most of its cost on large assignments, and it cannot be
 * told its listen backlog (docs/design/xds.md has the figures).
 */
export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #acceptor: Acceptor;
  readonly #connections = new Set<Connection>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    const { tls, debug, handshakeFailed } = options;
    this.#acceptor = new Acceptor({
      tls,
      connected: (socket, client) => this.#connected(socket, client),
      // What a peer does wrong is its own concern: the connection is gone, and nothing else is touched.
      failed: (failure) => {
        debug(failure, 'connection failed');
        handshakeFailed?.(failure);
      },
    });
  }

  /** @throws LoadlineError LOADLINE_BIND. Returns where it listens, with the port that was found. */
  async listen(address: Address, text: string): Promise<string> {
    const bound = await this.#acceptor.listen(address, text, 'xDS');
    const sweepMs = this.#options.sweepMs ?? DEFAULT_SWEEP_MS;
    // After a busy while timers come first: peers are heard, then judged.
    this.#sweep = setInterval(() => setImmediate(() => this.#sweepConnections(performance.now())), sweepMs);
    this.#sweep.unref();
    return bound;
  }

  /** Handshakes from now on use this; streams that stand go on. */
  renewTls(tls: TlsMaterial): void {
    this.#acceptor.renew(tls);
  }

  /** Ends the calls and connections of clients whose certificate counts no more, in the words that are given for them. */
  endClients(verdict: (client: ClientCertificate) => string | undefined): void {
    for (const connection of this.#connections) {
      const reason = connection.client === undefined ? undefined : verdict(connection.client);
      if (reason !== undefined && connection.retiredAtMs === undefined) retire(connection, performance.now(), reason);
    }
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Ends every call so that clients go elsewhere, then the connections; what is not gone after the grace is cut. */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.#sweep);
    const closed = this.#acceptor.close();
    for (const connection of this.#connections) retire(connection, performance.now(), 'the server is shutting down');
    const late = setTimeout(() => this.#acceptor.cut(), graceMs);
    await closed;
    clearTimeout(late);
  }

  #connected(socket: Socket, client: ClientCertificate | undefined): void {
    const { random, debug, maxConnectionAgeMs = DEFAULT_MAX_CONNECTION_AGE_MS } = this.#options;
    const peer = peerName(socket);
    const nowMs = performance.now();
    const connection: Connection = {
      http2: new Http2Connection(socket, {
        opened: (stream, request) => this.#opened(connection, peer, stream, request),
        closed: (reason) => {
          this.#connections.delete(connection);
          if (reason !== undefined) debug({ peer, reason }, 'connection failed');
        },
      }),
      calls: new Set(),
      client,
      endAtMs: nowMs + maxConnectionAgeMs * (1 + AGE_JITTER * (2 * random() - 1)),
      idleSinceMs: nowMs,
      pingedAtMs: undefined,
      retiredAtMs: undefined,
      heldBytes: 0,
    };
    this.#connections.add(connection);
  }

  #opened(connection: Connection, peer: string, stream: Http2Stream, request: Request): StreamListener {
    const { methods, maxMessageBytes, retireMs = DEFAULT_RETIRE_MS } = this.#options;
    const { method, path, contentType } = request;
    if (method !== 'POST' || !GRPC_TYPE.test(contentType)) {
      stream.blame();
      stream.respond(method === 'POST' ? UNSUPPORTED_MEDIA_TYPE : METHOD_NOT_ALLOWED, true);
      return NOBODY;
    }
    const call = new GrpcCall(stream, {
      path,
      peer,
      client: connection.client,
      maxMessageBytes,
      retireMs,
      holds: (moreBytes) => {
        connection.heldBytes += moreBytes;
        return connection.heldBytes <= MAX_HELD_MESSAGES * maxMessageBytes;
      },
      closed: (closed) => {
        connection.calls.delete(closed);
        connection.idleSinceMs = performance.now();
      },
    });
    connection.calls.add(call);
    const handler = methods.get(path);
    if (handler === undefined) {
      stream.blame();
      call.end(STATUS.UNIMPLEMENTED, `${path.slice(0, MAX_QUOTED_CHARACTERS)} is not served here`);
    } else call.serve(handler);
    return call;
  }

  #sweepConnections(nowMs: number): void {
    const {
      keepaliveMs = DEFAULT_KEEPALIVE_MS,
      keepaliveTimeoutMs = DEFAULT_KEEPALIVE_TIMEOUT_MS,
      idleMs = DEFAULT_IDLE_MS,
      retireMs = DEFAULT_RETIRE_MS,
    } = this.#options;
    for (const connection of this.#connections) {
      const { http2, calls, idleSinceMs, pingedAtMs, endAtMs, retiredAtMs } = connection;
      const silentMs = nowMs - http2.lastHeardMs;
      const asked = pingedAtMs !== undefined && http2.lastHeardMs <= pingedAtMs;
      if (asked && nowMs - pingedAtMs > keepaliveTimeoutMs) http2.destroy();
      else if (retiredAtMs !== undefined) {
        if (nowMs - retiredAtMs > retireMs) http2.destroy();
      } else if (calls.size === 0 && nowMs - idleSinceMs > idleMs) retire(connection, nowMs, 'nothing was called');
      else if (nowMs > endAtMs) retire(connection, nowMs, 'the connection has reached its maximum age');
      else if (silentMs > keepaliveMs && !asked) {
        connection.pingedAtMs = nowMs;
        http2.ping();
      }
    }
  }
}

function retire(connection: Connection, nowMs: number, reason: string): void {
  connection.retiredAtMs = nowMs;
  for (const call of connection.calls) call.end(STATUS.UNAVAILABLE, reason);
  connection.http2.drain();
}
