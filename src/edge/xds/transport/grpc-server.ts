import {
  createSecureServer,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { LoadlineError } from '../../../base/errors.ts';
import { type Address, formatAddress, type Random } from '../../../base/units/index.ts';
import { removeStaleSocket } from '../../listen/index.ts';
import { GrpcCall } from './grpc-call.ts';
import { peerName } from './peer-name.ts';
import { type RpcMethods, STATUS } from './rpc.ts';

/** Certificates in PEM; with them the server demands one of the client that `ca` has signed. */
export type TlsOptions = { readonly key: string; readonly cert: string; readonly ca: string };

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
  readonly tls?: TlsOptions;
  readonly maxMessageBytes: number;
  /** For the jitter, 0..1. */
  readonly random: Random;
  readonly debug: (fields: object, message: string) => void;
};

/**
 * More connections than this may wait to be accepted: a fleet that reconnects at once must not be told by lost SYNs to try
 * again in a second. The kernel takes the smaller of this and `somaxconn`.
 */
const BACKLOG = 4096;
const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024;
const STREAM_WINDOW_BYTES = 1024 * 1024;
const MAX_STREAMS_PER_CONNECTION = 256;
/** Pseudo-headers, metadata and a token; nghttp2 holds it all in memory. */
const MAX_HEADER_BYTES = 16 * 1024;
/** In MiB: what nghttp2 and node hold for one connection, a large response to a slow reader included. */
const SESSION_MEMORY_MIB = 64;
/** A connection may hold the beginnings of so many large messages; each of its streams may begin one. */
const MAX_HELD_MESSAGES = 2;
/** A peer that is slower with its TLS handshake is not let in; Node would wait for two minutes. */
const HANDSHAKE_MS = 10_000;
const AGE_JITTER = 0.2;
const DEFAULT_SWEEP_MS = 1000;
const DEFAULT_IDLE_MS = 20_000;
const DEFAULT_RETIRE_MS = 10_000;
const DEFAULT_KEEPALIVE_MS = 30_000;
const DEFAULT_KEEPALIVE_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_CONNECTION_AGE_MS = 3_600_000;

type Session = {
  readonly calls: Set<GrpcCall>;
  readonly endAtMs: number;
  lastHeardMs: number;
  pingedAtMs: number | undefined;
  /** Memory of messages that have begun. */
  heldBytes: number;
  socket: Socket | undefined;
};

/**
 * gRPC on node:http2: only what a server of long streams needs, and the bytes of a response go from one shared buffer into
 * every connection. grpc-js copies them once per stream, which is most of its cost on large assignments, and it cannot be
 * told its listen backlog (docs/design/xds.md has the figures).
 */
export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #server: Http2Server;
  readonly #sessions = new Map<ServerHttp2Session, Session>();
  readonly #calls = new Set<GrpcCall>();
  /** All of them: those without a session stand in their TLS handshake. */
  readonly #sockets = new Set<Socket>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    const settings = {
      settings: {
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxConcurrentStreams: MAX_STREAMS_PER_CONNECTION,
        maxHeaderListSize: MAX_HEADER_BYTES,
        enablePush: false,
      },
      maxSessionMemory: SESSION_MEMORY_MIB,
    };
    this.#server =
      options.tls === undefined
        ? createServer(settings)
        : createSecureServer({
            ...settings,
            ...options.tls,
            requestCert: true,
            rejectUnauthorized: true,
            ALPNProtocols: ['h2'],
            handshakeTimeout: HANDSHAKE_MS,
          });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('session', (session) => this.#opened(session));
    this.#server.on('stream', (stream, headers) => this.#called(stream, headers));
    // What a peer does wrong is its own concern: the connection is gone, and nothing else is touched.
    const complain = (error: Error): void => options.debug({ reason: error.message }, 'connection failed');
    this.#server.on('sessionError', complain);
    this.#server.on('tlsClientError', complain);
    this.#server.on('clientError', (error: Error, socket: Socket) => {
      complain(error);
      socket.destroy();
    });
  }

  /** @throws LoadlineError LOADLINE_BIND. Returns where it listens, with the port that was found. */
  async listen(address: Address, text: string): Promise<string> {
    if (address.kind === 'unix') await removeStaleSocket(address.path);
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: Error): void =>
        reject(new LoadlineError('LOADLINE_BIND', `xDS cannot listen on ${text}: ${error.message}`, error));
      this.#server.once('error', refuse);
      this.#server.listen(
        address.kind === 'unix'
          ? { path: address.path, backlog: BACKLOG }
          : { host: address.host, port: address.port, backlog: BACKLOG },
        () => {
          this.#server.removeListener('error', refuse);
          this.#server.on('error', (error) => this.#options.debug({ reason: error.message }, 'accepting failed'));
          resolve();
        },
      );
    });
    const sweepMs = this.#options.sweepMs ?? DEFAULT_SWEEP_MS;
    // After a busy while timers come first: peers are heard, then judged.
    this.#sweep = setInterval(() => setImmediate(() => this.#sweepSessions(performance.now())), sweepMs);
    this.#sweep.unref();
    if (address.kind === 'unix') return text;
    const bound = this.#server.address();
    return formatAddress({ ...address, port: typeof bound === 'object' && bound !== null ? bound.port : address.port });
  }

  get connections(): number {
    return this.#sessions.size;
  }

  /** Ends every call so that clients go elsewhere, then the connections; what is not gone after the grace is cut. */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.#sweep);
    for (const call of this.#calls) call.end(STATUS.UNAVAILABLE, 'the server is shutting down');
    const listening = this.#server.listening;
    const closed = new Promise<void>((resolve) => (listening ? this.#server.close(() => resolve()) : resolve()));
    for (const session of this.#sessions.keys()) session.close();
    const late = setTimeout(() => {
      for (const session of this.#sessions.keys()) session.destroy();
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(late);
  }

  #opened(session: ServerHttp2Session): void {
    const nowMs = performance.now();
    const ageMs = this.#options.maxConnectionAgeMs ?? DEFAULT_MAX_CONNECTION_AGE_MS;
    const state: Session = {
      calls: new Set(),
      endAtMs: nowMs + ageMs * (1 + AGE_JITTER * (2 * this.#options.random() - 1)),
      lastHeardMs: nowMs,
      pingedAtMs: undefined,
      heldBytes: 0,
      socket: undefined,
    };
    this.#sessions.set(session, state);
    session.on('connect', (_, socket) => {
      state.socket = socket;
    });
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    session.on('error', (error) => this.#options.debug({ reason: error.message }, 'connection failed'));
    session.on('close', () => {
      this.#sessions.delete(session);
      // Node keeps a session whose SETTINGS the peer never acknowledged as long as anything of it leads to its socket.
      state.socket = undefined;
    });
  }

  #called(stream: ServerHttp2Stream, headers: Record<string, unknown>): void {
    const session = stream.session === undefined ? undefined : this.#sessions.get(stream.session as ServerHttp2Session);
    // Both listeners stand before anything can fail: an error without one would end the process.
    stream.on('error', (error) => this.#options.debug({ reason: error.message }, 'call failed'));
    if (session === undefined || stream.session === undefined) {
      stream.close();
      return;
    }
    const { ':method': method, ':path': path = '', 'content-type': type = '' } = headers as Record<string, string>;
    if (method !== 'POST' || !GRPC_TYPE.test(type)) {
      stream.respond({ ':status': method === 'POST' ? 415 : 405 }, { endStream: true });
      stream.close();
      return;
    }
    const call = new GrpcCall(stream, {
      path,
      peer: peerName(stream.session.socket),
      maxMessageBytes: this.#options.maxMessageBytes,
      retireMs: this.#options.retireMs ?? DEFAULT_RETIRE_MS,
      heard: () => {
        session.lastHeardMs = performance.now();
      },
      holds: (moreBytes) => {
        session.heldBytes += moreBytes;
        return session.heldBytes <= MAX_HELD_MESSAGES * this.#options.maxMessageBytes;
      },
      closed: () => {
        session.calls.delete(call);
        this.#calls.delete(call);
      },
    });
    session.calls.add(call);
    this.#calls.add(call);
    const handler = this.#options.methods.get(path);
    if (handler === undefined) call.end(STATUS.UNIMPLEMENTED, `${path} is not served here`);
    else call.serve(handler);
  }

  #sweepSessions(nowMs: number): void {
    const keepaliveMs = this.#options.keepaliveMs ?? DEFAULT_KEEPALIVE_MS;
    const timeoutMs = this.#options.keepaliveTimeoutMs ?? DEFAULT_KEEPALIVE_TIMEOUT_MS;
    const idleMs = this.#options.idleMs ?? DEFAULT_IDLE_MS;
    const retireMs = this.#options.retireMs ?? DEFAULT_RETIRE_MS;
    for (const [session, state] of this.#sessions) {
      const silentMs = nowMs - state.lastHeardMs;
      // node:http2 waits for a peer to take the last bytes, for ever if it reads no more: it had the time since the last look.
      if (session.destroyed) state.socket?.destroy();
      else if (state.pingedAtMs !== undefined && nowMs - state.pingedAtMs > timeoutMs) session.destroy();
      else if (state.calls.size === 0 && silentMs > idleMs) session.destroy();
      else if (nowMs > state.endAtMs + retireMs) session.destroy();
      else if (nowMs > state.endAtMs) this.#retire(session, state);
      else if (silentMs > keepaliveMs && state.pingedAtMs === undefined) this.#ping(session, state, nowMs);
    }
  }

  #ping(session: ServerHttp2Session, state: Session, nowMs: number): void {
    state.pingedAtMs = nowMs;
    session.ping((error) => {
      // A failed ping leaves its time standing, and the sweep ends the connection.
      if (error !== null) return;
      state.pingedAtMs = undefined;
      state.lastHeardMs = performance.now();
    });
  }

  #retire(session: ServerHttp2Session, state: Session): void {
    for (const call of state.calls) call.end(STATUS.UNAVAILABLE, 'the connection has reached its maximum age');
    session.close();
  }
}

/** Not gRPC-Web: that is another protocol under a similar name. */
const GRPC_TYPE = /^application\/grpc(?:$|[+;])/;
