const FIRST_BYTES = 16 * 1024;
/** What an answer announces is believed up to here before it has come. */
const MAX_FIRST_BYTES = 1024 * 1024;

/** A body that is put together from pieces, in one buffer that is right from the beginning where its size is foreseen. */
export class GrowingBody {
  #buffer: Buffer;
  #size = 0;

  constructor(expectedBytes: number = FIRST_BYTES) {
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(expectedBytes, MAX_FIRST_BYTES));
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
      const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#size);
      this.#buffer = larger;
    }
    piece.copy(this.#buffer, this.#size, start, end);
    this.#size = size;
  }
}
