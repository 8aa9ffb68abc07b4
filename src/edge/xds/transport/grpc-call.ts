import { constants, type ServerHttp2Stream } from 'node:http2';
import { MessageReader } from './message-reader.ts';
import { type Rpc, type RpcHandler, type RpcListener, STATUS } from './rpc.ts';

/** A client that was told the end of its call and leaves its own side open is cut off after this time. */
const END_GRACE_MS = 1000;

export type GrpcCallOptions = {
  readonly path: string;
  readonly peer: string;
  readonly maxMessageBytes: number;
  /** How long a client may take to read what was sent before the end. */
  readonly retireMs: number;
  readonly heard: () => void;
  /** The call holds so many bytes more, or fewer, of a message that has begun; false when its connection holds too many. */
  readonly holds: (moreBytes: number) => boolean;
  readonly closed: () => void;
};

/** One gRPC call on one HTTP/2 stream. */
export class GrpcCall implements Rpc {
  readonly path: string;
  readonly peer: string;
  readonly #stream: ServerHttp2Stream;
  readonly #reader: MessageReader;
  readonly #options: GrpcCallOptions;
  #heldBytes = 0;
  #listener: RpcListener | undefined;
  #responded = false;
  #ended = false;
  #late: NodeJS.Timeout | undefined;

  constructor(stream: ServerHttp2Stream, options: GrpcCallOptions) {
    this.path = options.path;
    this.peer = options.peer;
    this.#stream = stream;
    this.#options = options;
    this.#reader = new MessageReader(options.maxMessageBytes, (message) => {
      if (!this.#ended) this.#listener?.message(message);
    });
    stream.on('close', () => {
      this.#ended = true;
      clearTimeout(this.#late);
      this.#holds(0);
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
    if (this.#ended || this.#stream.destroyed || this.#stream.closed) return;
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
      stream.on('wantTrailers', () => {
        stream.sendTrailers(trailers);
        this.#cutOff(END_GRACE_MS, constants.NGHTTP2_NO_ERROR);
      });
      stream.end();
      // What was sent before may still be on its way; a client that never takes it must not keep the call for ever.
      this.#cutOff(this.#options.retireMs, constants.NGHTTP2_CANCEL);
    } else {
      stream.respond({ ...RESPONSE_HEADERS, ...trailers }, { endStream: true });
      this.#cutOff(END_GRACE_MS, constants.NGHTTP2_NO_ERROR);
    }
    // What the client still sends is read and dropped, so that flow control does not hold up its end.
    stream.resume();
  }

  /** Resets the stream when it is not closed by then. Before the trailers are out, that would swallow them. */
  #cutOff(inMs: number, code: number): void {
    clearTimeout(this.#late);
    this.#late = setTimeout(() => this.#stream.close(code), inMs);
    this.#late.unref();
  }

  #respond(): void {
    if (this.#responded) return;
    this.#responded = true;
    this.#stream.respond(RESPONSE_HEADERS, { waitForTrailers: true });
  }

  #read(chunk: Buffer): void {
    if (this.#ended) return;
    this.#options.heard();
    const fault = this.#reader.push(chunk);
    if (fault !== undefined) {
      this.end(fault.status === 'Unimplemented' ? STATUS.UNIMPLEMENTED : STATUS.RESOURCE_EXHAUSTED, fault.message);
    } else if (!this.#holds(this.#reader.heldBytes)) {
      this.end(STATUS.RESOURCE_EXHAUSTED, 'too many bytes of unfinished messages on this connection');
    }
  }

  #holds(bytes: number): boolean {
    const moreBytes = bytes - this.#heldBytes;
    this.#heldBytes = bytes;
    return moreBytes === 0 || this.#options.holds(moreBytes);
  }
}

const RESPONSE_HEADERS = { ':status': 200, 'content-type': 'application/grpc' };
/** As it is on the wire: gRPC's own clients take 8 KiB of headers, all together. */
const MAX_MESSAGE_CHARACTERS = 4000;

/** `grpc-message` is percent-encoded UTF-8 (gRPC over HTTP/2, "Responses"). */
function encodeMessage(message: string): string {
  let encoded = '';
  for (const character of message) {
    const next = /[ -$&-~]/.test(character) ? character : percentEncoded(character);
    if (encoded.length + next.length > MAX_MESSAGE_CHARACTERS) break;
    encoded += next;
  }
  return encoded;
}

function percentEncoded(character: string): string {
  return [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}
