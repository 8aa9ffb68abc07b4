import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LoadlineError } from '../../base/errors.ts';

/** A port that is free again may still be held for a moment by a connection that is closing. */
const REOPEN_TRIES = 20;
const REOPEN_PAUSE_MS = 50;

/**
 * One HTTP listener that can be closed with all its connections and opened again on the same port.
 *
 * Keep-alive has no time-out: a server that closes idle connections races with the next request of a proxy that reuses
 * them, and the lab's servers must fail only when told to.
 */
export class HttpListener {
  readonly #address: string;
  readonly #handler: RequestListener;
  #server: Server | undefined;
  #port = 0;

  constructor(address: string, handler: RequestListener) {
    this.#address = address;
    this.#handler = handler;
  }

  get port(): number {
    return this.#port;
  }

  /** Port 0 takes any free one. Throws LOADLINE_LAB when the port is taken. */
  async listen(port: number, what: string): Promise<void> {
    const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, this.#handler);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(what, this.#address, port, cause)));
      server.listen(port, this.#address, resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Opens the port it had before. */
  async relisten(what: string): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.listen(this.#port, what);
      } catch (error) {
        if (tries === REOPEN_TRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, REOPEN_PAUSE_MS));
      }
    }
  }

  /** Refuses new connections and resets those that are open. */
  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }
}

function listenError(what: string, address: string, port: number, cause: NodeJS.ErrnoException): LoadlineError {
  const where = `port ${port} on ${address} for ${what}`;
  switch (cause.code) {
    case 'EADDRINUSE':
      return new LoadlineError(
        'LOADLINE_LAB',
        `${where} is in use: stop what listens there (ss -ltnp 'sport = :${port}' shows it) or choose other ports ` +
          'with --port, --gpu-port-offset and --control',
        cause,
      );
    case 'EACCES':
      return new LoadlineError('LOADLINE_LAB', `${where} may not be opened: choose ports above 1023`, cause);
    case 'EADDRNOTAVAIL':
      return new LoadlineError(
        'LOADLINE_LAB',
        `${where} cannot be opened: this machine has no address ${address}`,
        cause,
      );
    default:
      return new LoadlineError('LOADLINE_LAB', `${where} cannot be opened: ${cause.message}`, cause);
  }
}
