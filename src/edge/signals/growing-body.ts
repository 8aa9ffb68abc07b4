const FIRST_BYTES = 16 * 1024;
/** What an answer announces is believed up to here before it has come. */
const MAX_FIRST_BYTES = 1024 * 1024;
const MAX_FREE = 64;

/**
 * Buffers that go from one page to the next: at a thousand pages a second, to make and to collect them costs as much as to
 * read what is in them.
 */
export class BodyBuffers {
  readonly #free: Buffer[] = [];

  /** Of this length or more. */
  take(bytes: number): Buffer {
    const buffer = this.#free.pop();
    return buffer !== undefined && buffer.length >= bytes ? buffer : Buffer.allocUnsafeSlow(bytes);
  }

  giveBack(buffer: Buffer): void {
    if (this.#free.length < MAX_FREE && buffer.length <= MAX_FIRST_BYTES) this.#free.push(buffer);
  }
}

/** A body that is put together from pieces, in one buffer that is right from the beginning where its size is foreseen. */
export class GrowingBody {
  readonly #buffers: BodyBuffers | undefined;
  #buffer: Buffer;
  #size = 0;

  /** `buffers`: where the body is only lent, see {@link release}. */
  constructor(expectedBytes: number = FIRST_BYTES, buffers?: BodyBuffers) {
    this.#buffers = buffers;
    this.#buffer = this.#made(Math.min(expectedBytes, MAX_FIRST_BYTES));
  }

  get size(): number {
    return this.#size;
  }

  /** The bytes so far. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }

  /** Appends `[start, end)` of a piece. */
  append(piece: Buffer, start: number, end: number): void {
    const size = this.#size + end - start;
    if (size > this.#buffer.length) {
      const larger = this.#made(Math.max(size, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#size);
      this.release();
      this.#buffer = larger;
    }
    piece.copy(this.#buffer, this.#size, start, end);
    this.#size = size;
  }

  /** Lets the next body have the buffer. Its bytes stay until another piece is appended anywhere. */
  release(): void {
    this.#buffers?.giveBack(this.#buffer);
  }

  #made(bytes: number): Buffer {
    return this.#buffers?.take(bytes) ?? Buffer.allocUnsafeSlow(bytes);
  }
}
