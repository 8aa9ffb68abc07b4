import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A real HTTP server on a free loopback port whose answer a test changes on the way. */
export class MetricsServer {
  answer: Answer = page('');
  readonly requests: { readonly url: string; readonly headers: IncomingMessage['headers'] }[] = [];
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((request, response) => {
      this.requests.push({ url: request.url ?? '', headers: request.headers });
      this.answer(request, response);
    });
    this.#server.on('connection', (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      // A client that gives up in the middle is what many of these tests are about.
      socket.on('error', () => socket.destroy());
    });
  }

  static async start(): Promise<MetricsServer> {
    const server = new MetricsServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/metrics`;
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.dropConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

export function page(
  text: string,
  headers: Readonly<Record<string, string>> = { 'content-type': 'text/plain' },
): Answer {
  return (_request, response) => {
    response.writeHead(200, headers);
    response.end(text);
  };
}

/** Writes raw bytes where an HTTP answer should be, and closes. */
export function raw(text: string): Answer {
  return (request) => {
    request.socket.end(text);
  };
}

/** A byte every few milliseconds, for ever: never silent, never done. */
export function drip(_request: IncomingMessage, response: ServerResponse): void {
  const timer = setInterval(() => response.write('#'), 5);
  response.on('close', () => clearInterval(timer));
}
