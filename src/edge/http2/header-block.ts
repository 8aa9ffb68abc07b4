/** A header block may be longer than what it says, but not without end: CONTINUATION costs us more than the peer. */
const MAX_BLOCK_BYTES = 32 * 1024;
const MAX_CONTINUATIONS = 16;

/** A header block whose CONTINUATION is still to come. */
export class HeaderBlock {
  readonly stream: number;
  readonly endStream: boolean;
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  constructor(stream: number, endStream: boolean, first: Buffer) {
    this.stream = stream;
    this.endStream = endStream;
    this.add(first);
  }

  /** Copies the part. False when there were too many of them, or too long ones. */
  add(part: Buffer): boolean {
    this.#bytes += part.length;
    if (this.#bytes > MAX_BLOCK_BYTES || this.#parts.length > MAX_CONTINUATIONS) return false;
    this.#parts.push(Buffer.from(part));
    return true;
  }

  whole(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
