/** Why a stream of bytes is not gRPC; the call ends with it. */
export type ReadFault = { readonly status: 'Unimplemented' | 'ResourceExhausted'; readonly message: string };

const PREFIX_BYTES = 5;
/** Room for a beginning, as a multiple of what came: a promised length alone costs nothing. */
const ROOM_RATIO = 4;
const LEAST_ROOM_BYTES = 1024;
const NOTHING = Buffer.alloc(0);

/**
 * Cuts a stream of bytes into gRPC messages: one byte "compressed", four bytes length, then the message. The usual case, a
 * whole message in one chunk, is handed on as a view without a copy. A beginning is copied together: a list of its chunks
 * would cost some hundred bytes for each byte of a client that sends them one by one.
 */
export class MessageReader {
  readonly #maxBytes: number;
  readonly #onMessage: (message: Buffer) => void;
  /** A message that has begun, prefix included, and room for more of it. */
  #partial: Buffer = NOTHING;
  #bytes = 0;
  /** Bytes of the partial message that are needed before it is worth looking again. */
  #wanted = PREFIX_BYTES;

  constructor(maxBytes: number, onMessage: (message: Buffer) => void) {
    this.#maxBytes = maxBytes;
    this.#onMessage = onMessage;
  }

  /** Whether a message has begun and not ended. */
  get unfinished(): boolean {
    return this.#bytes > 0;
  }

  /** Memory that the message that has begun takes up. */
  get heldBytes(): number {
    return this.#partial.length;
  }

  /** Nothing of the chunk is needed after the call. */
  push(chunk: Buffer): ReadFault | undefined {
    let at = 0;
    while (this.#bytes > 0) {
      at += this.#fill(chunk, at);
      if (this.#bytes < this.#wanted) return undefined;
      const whole = this.#partial.subarray(0, this.#bytes);
      const length = this.#lengthAt(whole, 0);
      if (typeof length !== 'number') return length;
      this.#wanted = PREFIX_BYTES + length;
      if (this.#bytes < this.#wanted) continue;
      this.#partial = NOTHING;
      this.#bytes = 0;
      this.#onMessage(whole.subarray(PREFIX_BYTES));
    }
    return this.#take(chunk, at);
  }

  #take(bytes: Buffer, from: number): ReadFault | undefined {
    let at = from;
    while (bytes.length - at >= PREFIX_BYTES) {
      const length = this.#lengthAt(bytes, at);
      if (typeof length !== 'number') return length;
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

  #lengthAt(bytes: Buffer, at: number): number | ReadFault {
    if (bytes[at] !== 0) return COMPRESSED;
    const length = bytes.readUInt32BE(at + 1);
    if (length <= this.#maxBytes) return length;
    return {
      status: 'ResourceExhausted',
      message: `a message of ${length} bytes; at most ${this.#maxBytes} are taken`,
    };
  }

  #keep(bytes: Buffer, at: number, wanted: number): void {
    this.#wanted = wanted;
    this.#fill(bytes, at);
  }

  /** Copies what is wanted and there; returns how much that was. */
  #fill(chunk: Buffer, at: number): number {
    const length = Math.min(this.#wanted - this.#bytes, chunk.length - at);
    const filled = this.#bytes + length;
    if (filled > this.#partial.length) {
      const room = Math.min(this.#wanted, Math.max(LEAST_ROOM_BYTES, ROOM_RATIO * filled));
      const larger = Buffer.allocUnsafeSlow(room);
      this.#partial.copy(larger, 0, 0, this.#bytes);
      this.#partial = larger;
    }
    chunk.copy(this.#partial, this.#bytes, at, at + length);
    this.#bytes = filled;
    return length;
  }
}

const COMPRESSED: ReadFault = {
  status: 'Unimplemented',
  message: 'compressed messages are not taken; leave out grpc-encoding',
};
