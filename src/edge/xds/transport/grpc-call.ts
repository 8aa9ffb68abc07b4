import { ERROR, encodeHeaders, type Http2Stream, type StreamListener } from '../../http2/index.ts';
import type { ClientCertificate } from '../../tls/index.ts';
import { MessageReader } from './message-reader.ts';
import { type Rpc, type RpcHandler, type RpcListener, STATUS } from './rpc.ts';

export type GrpcCallOptions = {
  readonly path: string;
  readonly peer: string;
  readonly client: ClientCertificate | undefined;
  readonly maxMessageBytes: number;
  /** How long a client may take to read what was sent before the end. */
  readonly retireMs: number;
  /** The call holds so many bytes more, or fewer, of a message that has begun; false when its connection holds too many. */
  readonly holds: (moreBytes: number) => boolean;
  readonly closed: (call: GrpcCall) => void;
};

/** One gRPC call on one HTTP/2 stream. */
export class GrpcCall implements Rpc, StreamListener {
  readonly path: string;
  readonly peer: string;
  readonly client: ClientCertificate | undefined;
  readonly #stream: Http2Stream;
  readonly #reader: MessageReader;
  readonly #options: GrpcCallOptions;
  #heldBytes = 0;
  #listener: RpcListener | undefined;
  #ended = false;
  #late: NodeJS.Timeout | undefined;

  constructor(stream: Http2Stream, options: GrpcCallOptions) {
    this.path = options.path;
    this.peer = options.peer;
    this.client = options.client;
    this.#stream = stream;
    this.#options = options;
    this.#reader = new MessageReader(options.maxMessageBytes, (message) => {
      if (!this.#ended) this.#listener?.message(message);
    });
  }

  /** Opens the call for its service. */
  serve(handler: RpcHandler): void {
    this.#listener = handler(this);
  }

  data(chunk: Buffer): void {
    if (this.#ended) return;
    const fault = this.#reader.push(chunk);
    if (fault !== undefined) {
      this.#stream.blame();
      this.end(fault.status === 'Unimplemented' ? STATUS.UNIMPLEMENTED : STATUS.RESOURCE_EXHAUSTED, fault.message);
    } else if (!this.#holds(this.#reader.heldBytes)) {
      this.#stream.blame();
      this.end(STATUS.RESOURCE_EXHAUSTED, 'too many bytes of unfinished messages on this connection');
    }
  }

  halfClosed(): void {
    if (this.#ended) return;
    if (this.#reader.unfinished) this.end(STATUS.INVALID_ARGUMENT, 'the stream ended within a message');
    else this.#listener?.halfClosed();
  }

  closed(): void {
    this.#ended = true;
    clearTimeout(this.#late);
    this.#holds(0);
    this.#options.closed(this);
    this.#listener?.closed();
    this.#listener = undefined;
  }

  send(framed: Buffer, taken?: () => void): void {
    if (this.#ended) return;
    if (!this.#stream.headersSent) this.#stream.respond(RESPONSE_HEADERS);
    this.#stream.write(framed, taken);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  end(status: number, message = ''): void {
    if (this.#ended) return;
    this.#ended = true;
    const stream = this.#stream;
    if (!stream.headersSent) {
      stream.respond(Buffer.concat([RESPONSE_HEADERS, trailers(status, message)]), true);
      return;
    }
    stream.end(trailers(status, message));
    if (!stream.over) this.#cutOffUnlessMoving();
  }

  /** What was sent before may still be on its way; a client that takes none of it must not keep the call for ever. */
  #cutOffUnlessMoving(): void {
    const stream = this.#stream;
    const { sentBytes } = stream;
    this.#late = setTimeout(() => {
      if (stream.sentBytes > sentBytes) this.#cutOffUnlessMoving();
      else stream.reset(ERROR.cancel);
    }, this.#options.retireMs);
    this.#late.unref();
  }

  #holds(bytes: number): boolean {
    const moreBytes = bytes - this.#heldBytes;
    this.#heldBytes = bytes;
    return moreBytes === 0 || this.#options.holds(moreBytes);
  }
}

const RESPONSE_HEADERS = encodeHeaders([
  [':status', '200'],
  ['content-type', 'application/grpc'],
]);
const OK_TRAILERS = encodeHeaders([['grpc-status', '0']]);
/** As it is on the wire: gRPC's own clients take 8 KiB of headers, all together. */
const MAX_MESSAGE_CHARACTERS = 4000;

function trailers(status: number, message: string): Buffer {
  if (status === STATUS.OK && message === '') return OK_TRAILERS;
  const code = ['grpc-status', String(status)] as const;
  return encodeHeaders(message === '' ? [code] : [code, ['grpc-message', encodeMessage(message)]]);
}

/** `grpc-message` is percent-encoded UTF-8 (gRPC over HTTP/2, "Responses"). */
function encodeMessage(message: string): string {
  if (/^[ -$&-~]*$/.test(message)) return message.slice(0, MAX_MESSAGE_CHARACTERS);
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
