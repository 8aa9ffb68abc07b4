const SIZE = 4096;

/**
 * The wanted names as a set of byte strings. Most names of a page are not wanted, and to make text of each only to look it
 * up costs more than all the rest of a scan: a fingerprint rules them out first.
 */
export class WantedBytes {
  readonly #names: ReadonlySet<string>;
  readonly #fingerprints = new Uint8Array(SIZE);

  private constructor(names: ReadonlySet<string>) {
    this.#names = names;
    for (const name of names) {
      const bytes = Buffer.from(name);
      this.#fingerprints[fingerprint(bytes, 0, bytes.length)] = 1;
    }
  }

  /** Of a set that does not change any more. */
  static of(names: ReadonlySet<string>): WantedBytes {
    let known = KNOWN.get(names);
    if (known === undefined) {
      known = new WantedBytes(names);
      KNOWN.set(names, known);
    }
    return known;
  }

  /** Whether the bytes `[start, end)`, ASCII and at least one, are one of the names. */
  has(page: Buffer, start: number, end: number): boolean {
    return (
      this.#fingerprints[fingerprint(page, start, end)] === 1 && this.#names.has(page.toString('latin1', start, end))
    );
  }
}

const KNOWN = new WeakMap<ReadonlySet<string>, WantedBytes>();

/** The names of a page mostly begin alike: what tells them apart are their lengths and ends. */
function fingerprint(bytes: Uint8Array, start: number, end: number): number {
  const middle = (start + end) >> 1;
  const late = (middle + end) >> 1;
  return (
    ((end - start) * 2503 +
      (bytes[middle] as number) * 593 +
      (bytes[late] as number) * 97 +
      (bytes[end - 1] as number)) %
    SIZE
  );
}
