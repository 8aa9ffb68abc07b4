import { isBlank } from './exposition-cursor.ts';
import type { SeriesHead } from './exposition-line.ts';

/** Of ASCII, so that it has as many bytes as code units. */
type Remembered = { readonly text: string; readonly head: SeriesHead };

const MAX_HEADS = 1024;
const MAX_LENGTH = 1024;
const OPEN = 0x7b;

/**
 * Remembers how the wanted lines of a source's last page began, in their order: the next page mostly has the same lines,
 * and only their values are new. Heads are given out as the very same objects, so that others can remember what they made
 * of them. One source always wants the same names.
 */
export class LineHeads {
  readonly #remembered: Remembered[] = [];
  #next = 0;

  /** Before each page. */
  rewind(): void {
    this.#next = 0;
  }

  /** The head of the line `[begin, end)`, and its length, where it is the one that was remembered at this place. */
  match(page: Uint8Array, begin: number, end: number): Remembered | undefined {
    const remembered = this.#remembered[this.#next];
    if (remembered === undefined) return undefined;
    const { text } = remembered;
    let at = begin + text.length;
    if (at >= end) return undefined;
    for (let unit = 0; unit < text.length; unit++) {
      if (page[begin + unit] !== text.charCodeAt(unit)) return undefined;
    }
    if (!text.endsWith('}')) {
      // The name may go on, or its labels may follow.
      if (!isBlank(page[at] as number)) return undefined;
      while (at < end && isBlank(page[at] as number)) at++;
      if (page[at] === OPEN) return undefined;
    }
    this.#next++;
    return remembered;
  }

  /** Remembers at this place what a line began with. */
  remember(text: string, head: SeriesHead): void {
    if (this.#next >= MAX_HEADS || text.length > MAX_LENGTH) return;
    this.#remembered[this.#next] = { text, head };
    this.#next++;
  }
}
