import { createServer, type Server, type Socket } from 'node:net';
import {
  encodeHeaders,
  Http2Connection,
  type Http2Stream,
  type Request,
  type StreamListener,
} from '../../../src/edge/http2/index.ts';

const ANSWER = encodeHeaders([[':status', '200']]);
const END = encodeHeaders([['x-end', 'yes']]);
const GREETING = Buffer.from('hello');

/** A stream of the server, and what came on it. */
export type Opened = { readonly stream: Http2Stream; readonly request: Request; body: string; closed: number };

/** Answers every request with a greeting when it has come whole; the connection alone, without gRPC over it. */
export class PlainServer {
  readonly opened: Opened[] = [];
  /** Why connections ended, '' where the peer did nothing wrong. */
  readonly ended: string[] = [];
  readonly connections: Http2Connection[] = [];
  /** What is done with a request that is complete. */
  answer: (stream: Http2Stream) => void = greet;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  port = 0;

  constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      const connection = new Http2Connection(socket, {
        opened: (stream, request) => this.#open(stream, request),
        closed: (reason) => this.ended.push(reason ?? ''),
      });
      this.connections.push(connection);
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #open(stream: Http2Stream, request: Request): StreamListener {
    const opened: Opened = { stream, request, body: '', closed: 0 };
    this.opened.push(opened);
    return {
      data: (bytes) => {
        opened.body += bytes.toString('latin1');
      },
      halfClosed: () => this.answer(stream),
      closed: () => {
        opened.closed += 1;
      },
    };
  }
}

export function greet(stream: Http2Stream): void {
  stream.respond(ANSWER);
  stream.write(GREETING);
  stream.end(END);
}
