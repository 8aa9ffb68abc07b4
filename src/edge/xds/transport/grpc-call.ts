import type { ServerHttp2Stream } from 'node:http2';
import { MessageReader } from './message-reader.ts';
import { type Rpc, type RpcHandler, type RpcListener, STATUS } from './rpc.ts';

/** A client that ignores the end of its call is cut off after this time. */
const END_GRACE_MS = 1000;

/** One gRPC call on one HTTP/2 stream. */
export class GrpcCall implements Rpc {
  readonly path: string;
  readonly peer: string;
  readonly #stream: ServerHttp2Stream;
  readonly #reader: MessageReader;
  readonly #heard: () => void;
  #listener: RpcListener | undefined;
  #responded = false;
  #ended = false;

  constructor(
    stream: ServerHttp2Stream,
    options: {
      readonly path: string;
      readonly peer: string;
      readonly maxMessageBytes: number;
      readonly heard: () => void;
      readonly closed: () => void;
    },
  ) {
    this.path = options.path;
    this.peer = options.peer;
    this.#stream = stream;
    this.#heard = options.heard;
    this.#reader = new MessageReader(options.maxMessageBytes, (message) => {
      if (!this.#ended) this.#listener?.message(message);
    });
    stream.on('close', () => {
      this.#ended = true;
      options.closed();
      this.#listener?.closed();
      this.#listener = undefined;
    });
  }

  /** Opens the call for its service. */
  serve(handler: RpcHandler): void {
    this.#listener = handler(this);
    this.#stream.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#stream.on('end', () => {
      if (this.#ended) return;
      if (this.#reader.unfinished) this.end(STATUS.INVALID_ARGUMENT, 'the stream ended within a message');
      else this.#listener?.halfClosed();
    });
  }

  send(framed: Buffer, taken?: () => void): void {
    if (this.#ended) return;
    this.#respond();
    // `taken` comes with an error when the call ends first; then there is nobody left to send to.
    this.#stream.write(framed, taken === undefined ? undefined : (error) => error ?? taken());
  }

  end(status: number, message = ''): void {
    if (this.#ended) return;
    this.#ended = true;
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    const trailers = {
      'grpc-status': String(status),
      ...(message === '' ? {} : { 'grpc-message': encodeMessage(message) }),
    };
    if (this.#responded) {
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      stream.end();
    } else {
      stream.respond({ ...RESPONSE_HEADERS, ...trailers }, { endStream: true });
    }
    // What the client still sends is read and dropped, so that flow control does not hold up its end.
    stream.resume();
    const late = setTimeout(() => stream.close(), END_GRACE_MS);
    late.unref();
    stream.once('close', () => clearTimeout(late));
  }

  #respond(): void {
    if (this.#responded) return;
    this.#responded = true;
    this.#stream.respond(RESPONSE_HEADERS, { waitForTrailers: true });
  }

  #read(chunk: Buffer): void {
    if (this.#ended) return;
    this.#heard();
    const fault = this.#reader.push(chunk);
    if (fault === undefined) return;
    this.end(fault.status === 'Unimplemented' ? STATUS.UNIMPLEMENTED : STATUS.RESOURCE_EXHAUSTED, fault.message);
  }
}

const RESPONSE_HEADERS = { ':status': 200, 'content-type': 'application/grpc' };
const MAX_MESSAGE_CHARACTERS = 2000;

/** `grpc-message` is percent-encoded UTF-8 (gRPC over HTTP/2, "Responses"). */
function encodeMessage(message: string): string {
  return Buffer.from(message.slice(0, MAX_MESSAGE_CHARACTERS))
    .reduce<string[]>((parts, byte) => {
      const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
      parts.push(plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`);
      return parts;
    }, [])
    .join('');
}
