/** Why a stream of bytes is not gRPC; the call ends with it. */
export type ReadFault = { readonly status: 'Unimplemented' | 'ResourceExhausted'; readonly message: string };

const PREFIX_BYTES = 5;

/**
 * Cuts a stream of bytes into gRPC messages: one byte "compressed", four bytes length, then the message. The usual case, a
 * whole message in one chunk, is handed on as a view without a copy.
 */
export class MessageReader {
  readonly #maxBytes: number;
  readonly #onMessage: (message: Buffer) => void;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Bytes that are needed before it is worth looking again. */
  #wanted = PREFIX_BYTES;

  constructor(maxBytes: number, onMessage: (message: Buffer) => void) {
    this.#maxBytes = maxBytes;
    this.#onMessage = onMessage;
  }

  /** Whether a message has begun and not ended. */
  get unfinished(): boolean {
    return this.#bytes > 0;
  }

  push(chunk: Buffer): ReadFault | undefined {
    if (this.#bytes === 0) return this.#take(chunk);
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#wanted) return undefined;
    const all = Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [];
    this.#bytes = 0;
    return this.#take(all);
  }

  #take(bytes: Buffer): ReadFault | undefined {
    let at = 0;
    while (bytes.length - at >= PREFIX_BYTES) {
      if (bytes[at] !== 0) return COMPRESSED;
      const length = bytes.readUInt32BE(at + 1);
      if (length > this.#maxBytes) {
        return {
          status: 'ResourceExhausted',
          message: `a message of ${length} bytes; at most ${this.#maxBytes} are taken`,
        };
      }
      const end = at + PREFIX_BYTES + length;
      if (end > bytes.length) {
        this.#keep(bytes, at, end - at);
        return undefined;
      }
      this.#onMessage(bytes.subarray(at + PREFIX_BYTES, end));
      at = end;
    }
    if (at < bytes.length) this.#keep(bytes, at, PREFIX_BYTES);
    return undefined;
  }

  #keep(bytes: Buffer, at: number, wanted: number): void {
    this.#chunks = [bytes.subarray(at)];
    this.#bytes = bytes.length - at;
    this.#wanted = wanted;
  }
}

const COMPRESSED: ReadFault = {
  status: 'Unimplemented',
  message: 'compressed messages are not taken; leave out grpc-encoding',
};
