import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { LoadlineError } from '../../base/errors.ts';
import { type Address, formatAddress } from '../../base/units/index.ts';
import {
  type ClientCertificate,
  clientCertificate,
  type HandshakeFailure,
  handshakeFailure,
  serverOptions,
  type TlsMaterial,
} from '../tls/index.ts';
import { removeStaleSocket } from './stale-socket.ts';

export type AcceptorOptions = {
  /** Mutual TLS. Without it the listener is for loopback alone. */
  readonly tls?: TlsMaterial | undefined;
  /** A connection, and whose it is; of nobody without TLS. */
  readonly connected: (socket: Socket, client: ClientCertificate | undefined) => void;
  /** A peer that was not let in. */
  readonly failed: (failure: HandshakeFailure) => void;
};

/**
 * More connections than this may wait to be accepted: a fleet that reconnects at once must not be told by lost SYNs to try
 * again in a second. The kernel takes the smaller of this and `somaxconn`.
 */
const BACKLOG = 4096;

/** Listens for HTTP/2, with mutual TLS or in plaintext, and knows every socket until it is gone. */
export class Acceptor {
  readonly #server: Server;
  readonly #options: AcceptorOptions;
  /** All of them, also those that stand in their handshake. */
  readonly #sockets = new Set<Socket>();
  readonly #clients = new Map<Socket, ClientCertificate>();

  constructor(options: AcceptorOptions) {
    this.#options = options;
    const { tls, connected } = options;
    this.#server =
      tls === undefined
        ? createServer({ noDelay: true }, (socket) => connected(socket, undefined))
        : this.#secureServer(tls);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** @throws LoadlineError LOADLINE_BIND. Returns where it listens, with the port that was found. */
  async listen(address: Address, text: string, who: 'xDS' | 'admin'): Promise<string> {
    if (address.kind === 'unix') await removeStaleSocket(address.path);
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: Error): void =>
        reject(new LoadlineError('LOADLINE_BIND', `${who} cannot listen on ${text}: ${error.message}`, error));
      this.#server.once('error', refuse);
      this.#server.listen(
        address.kind === 'unix'
          ? { path: address.path, backlog: BACKLOG }
          : { host: address.host, port: address.port, backlog: BACKLOG },
        () => {
          this.#server.removeListener('error', refuse);
          this.#server.on('error', (error) => this.#options.failed(handshakeFailure(error, undefined)));
          resolve();
        },
      );
    });
    if (address.kind === 'unix') return text;
    const bound = this.#server.address();
    return formatAddress({ ...address, port: typeof bound === 'object' && bound !== null ? bound.port : address.port });
  }

  /** Handshakes from now on use this; connections that stand are not touched. */
  renew(tls: TlsMaterial): void {
    (this.#server as TlsServer).setSecureContext(serverOptions(tls));
  }

  /** Accepts no more. Resolves when every socket is gone. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Ends every connection at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends the connections of some clients at once. */
  cutClients(isOut: (client: ClientCertificate) => boolean): void {
    for (const [socket, client] of this.#clients) if (isOut(client)) socket.destroy();
  }

  #secureServer(tls: TlsMaterial): Server {
    const { connected, failed } = this.#options;
    const server = createTlsServer({ ...serverOptions(tls), noDelay: true });
    server.on('secureConnection', (socket: TLSSocket) => {
      const certificate = socket.getPeerX509Certificate();
      // Node has refused everybody else already; who is let in must not hang on a single option of it.
      if (!socket.authorized || certificate === undefined) {
        failed({ reason: 'NoCertificate', code: 'NOT_AUTHORIZED' });
        socket.destroy();
      } else if (socket.alpnProtocol !== 'h2') {
        failed({ reason: 'Protocol', code: 'NO_H2_BY_ALPN' });
        socket.on('error', () => undefined).destroy();
      } else {
        const client = clientCertificate(certificate);
        this.#clients.set(socket, client);
        socket.on('close', () => this.#clients.delete(socket));
        connected(socket, client);
      }
    });
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      failed(handshakeFailure(error, socket.authorizationError));
      socket.destroy();
    });
    return server;
  }
}
