const WORD_BYTES = 4;

/**
 * Tells whether a line begins as an earlier one of its page did. Compares words, not bytes: pages are mostly lines that
 * do, and this is what a scan spends its time on.
 */
export class RepeatedStart {
  readonly #page: DataView;
  #start = 0;
  #length = 0;

  constructor(page: Uint8Array) {
    this.#page = new DataView(page.buffer, page.byteOffset, page.byteLength);
  }

  /** What is shorter than a word is not remembered. */
  remember(start: number, end: number): void {
    this.#start = start;
    this.#length = end - start < WORD_BYTES ? 0 : end - start;
  }

  /** Whether the line `[begin, end)` begins with what was remembered. */
  startsAt(begin: number, end: number): boolean {
    const length = this.#length;
    if (length === 0 || end - begin < length) return false;
    const page = this.#page;
    const shift = begin - this.#start;
    // The last word may overlap the one before.
    const last = this.#start + length - WORD_BYTES;
    if (page.getInt32(last) !== page.getInt32(last + shift)) return false;
    for (let at = this.#start; at < last; at += WORD_BYTES) {
      if (page.getInt32(at) !== page.getInt32(at + shift)) return false;
    }
    return true;
  }
}
