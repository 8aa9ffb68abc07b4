import { ExpositionCursor, isBlank, isDigit, isNameCode } from './exposition-cursor.ts';
import { readHead, readRest, type Series } from './exposition-line.ts';
import type { LineHeads } from './line-heads.ts';
import { RepeatedStart } from './repeated-start.ts';
import { WantedBytes } from './wanted-bytes.ts';

const OPEN = 0x7b;

/**
 * Reads the lines of one page in the bytes as they came, and makes text of as few as it can: it tells an unwanted line by
 * its name, and a wanted one by what stood here on the last page. Whatever these short cuts cannot decide is read as text,
 * and what they decide is what reading it would have given.
 */
export class LineReader {
  readonly #page: Buffer;
  readonly #wanted: ReadonlySet<string>;
  readonly #names: WantedBytes;
  readonly #openMetrics: boolean;
  readonly #heads: LineHeads;
  /** A name and its brace: nothing behind them can make such a line wanted, or bad. */
  readonly #unwanted: RepeatedStart;

  constructor(page: Buffer, wanted: ReadonlySet<string>, openMetrics: boolean, heads: LineHeads) {
    this.#page = page;
    this.#wanted = wanted;
    this.#names = WantedBytes.of(wanted);
    this.#openMetrics = openMetrics;
    this.#heads = heads;
    heads.rewind();
    this.#unwanted = new RepeatedStart(page);
  }

  /** Reads the line `[begin, end)`, which begins with neither a blank nor `#`. */
  read(begin: number, end: number): Series | 'Bad' | 'Unwanted' {
    // Most of a page are buckets of histograms: hundreds of lines that begin as the line before.
    if (this.#unwanted.startsAt(begin, end)) return 'Unwanted';
    const page = this.#page;
    const known = this.#heads.match(page, begin, end);
    if (known !== undefined) {
      const rest = page.toString('utf8', begin + known.text.length, end);
      return readRest(known.head, new ExpositionCursor(rest), this.#openMetrics);
    }
    const nameEnd = bareNameEnd(page, begin, end);
    if (nameEnd > begin && !this.#names.has(page, begin, nameEnd)) {
      if (page[nameEnd] === OPEN) this.#unwanted.remember(begin, nameEnd + 1);
      return 'Unwanted';
    }
    const text = page.toString('utf8', begin, end);
    const cursor = new ExpositionCursor(text);
    const head = readHead(cursor, this.#wanted);
    if (typeof head === 'string') return head;
    // Only where each byte became one code unit is the head as long as its text.
    if (text.length === end - begin) this.#heads.remember(text.slice(0, cursor.at), head);
    return readRest(head, cursor, this.#openMetrics);
  }
}

/** The end of the name with which a line begins that is a sample by it; `begin` where it must be read to know. */
function bareNameEnd(page: Uint8Array, begin: number, end: number): number {
  if (isDigit(page[begin] as number)) return begin;
  let at = begin;
  while (at < end && IS_NAME[page[at] as number] === 1) at++;
  if (at < end && page[at] === OPEN) return at;
  let next = at;
  while (next < end && isBlank(page[next] as number)) next++;
  return next === at || next === end ? begin : at;
}

/** By byte. */
const IS_NAME = Uint8Array.from({ length: 256 }, (_, code) => (isNameCode(code) ? 1 : 0));
