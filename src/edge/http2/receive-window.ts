/** How much a peer may still send, on a connection or a stream; what came is read at once, so it widens again by itself. */
export class ReceiveWindow {
  readonly #bytes: number;
  #left: number;

  constructor(bytes: number) {
    this.#bytes = bytes;
    this.#left = bytes;
  }

  /** False when the peer has sent more than it might. */
  take(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /** What the peer is to be told; 0 while more than half is left, so that small messages cost no frame each. */
  widen(): number {
    const read = this.#bytes - this.#left;
    if (read <= this.#bytes / 2) return 0;
    this.#left = this.#bytes;
    return read;
  }
}
