import { isBlank } from './exposition-cursor.ts';
import type { Series } from './exposition-line.ts';
import { LineHeads } from './line-heads.ts';
import { LineReader } from './line-reader.ts';

/**
 * Scanner for the Prometheus text format and for OpenMetrics, made for pages of which a handful of series matter: the name
 * of each line is looked at in the bytes as they came, and only lines with a wanted name become text and are read further.
 * The parsers on npm read everything, lose the whole page on one odd line and cost ten to sixty times as much.
 */
export type ScanOptions = {
  /** Must not change between scans. */
  readonly wanted: ReadonlySet<string>;
  /** OpenMetrics writes time stamps in seconds; a page that ends with `# EOF` is taken for OpenMetrics too. */
  readonly openMetrics?: boolean;
  /** Bytes; a longer line counts as bad. */
  readonly maxLineLength?: number;
  readonly maxSeries?: number;
  /** What is remembered of the last page of the same source. */
  readonly heads?: LineHeads;
};

export type Scan = {
  readonly series: readonly Series[];
  /** Lines that are neither comment nor sample; never fatal. */
  readonly badLines: number;
  /** Counts from 1; 0 when there is none. */
  readonly firstBadLine: number;
  /**
   * The page stops within a line, which is then dropped: the text format demands a line feed after every line, and without
   * it `8` may be the beginning of `87`.
   */
  readonly truncated: boolean;
  /** There were more wanted series than `maxSeries`; the rest was not read. */
  readonly capped: boolean;
};

const MAX_LINE_LENGTH = 64 * 1024;
const MAX_SERIES = 10_000;
const NEWLINE = 0x0a;
const HASH = 0x23;
const LETTER_E = 0x45;

export function scanExposition(page: Buffer | string, options: ScanOptions): Scan {
  const bytes = typeof page === 'string' ? Buffer.from(page) : page;
  const { wanted, maxLineLength = MAX_LINE_LENGTH, maxSeries = MAX_SERIES, heads = new LineHeads() } = options;
  const openMetrics = options.openMetrics === true || /\n# EOF\n?$/.test(bytes.toString('latin1', bytes.length - 7));
  const lines = new LineReader(bytes, wanted, openMetrics, heads);
  const series: Series[] = [];
  let [line, badLines, firstBadLine, truncated, capped] = [0, 0, 0, false, false];
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    line++;
    let begin = start;
    start = end + 1;
    while (begin < end && isBlank(bytes[begin] as number)) begin++;
    if (begin === end) continue;
    if (bytes[begin] === HASH) {
      if (isEof(bytes, begin, end)) break;
      truncated = newline === -1;
      continue;
    }
    if (newline === -1) {
      truncated = true;
      break;
    }
    const found = end - begin > maxLineLength ? 'Bad' : lines.read(begin, end);
    if (found === 'Unwanted') continue;
    if (found === 'Bad') {
      badLines++;
      if (firstBadLine === 0) firstBadLine = line;
    } else if (series.length >= maxSeries) {
      capped = true;
      break;
    } else {
      series.push(found);
    }
  }
  return { series, badLines, firstBadLine, truncated, capped };
}

function isEof(bytes: Buffer, at: number, end: number): boolean {
  // Comments are many, and ends are few.
  if (bytes[at + 2] !== LETTER_E || bytes.toString('latin1', at, at + 5) !== '# EOF') return false;
  return bytes.toString('utf8', at + 5, end).trim() === '';
}
