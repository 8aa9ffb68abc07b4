import { ExpositionCursor, type Labels } from './exposition-cursor.ts';

/**
 * Scanner for the Prometheus text format and for OpenMetrics, made for pages of which a handful of series matter: the name
 * of each line is looked at, and only lines with a wanted name are read further. The parsers on npm read everything, lose
 * the whole page on one odd line and cost ten to sixty times as much.
 */
export type Series = {
  readonly name: string;
  readonly labels: Labels;
  /** As written; may be NaN or infinite. */
  readonly value: number;
  /** The series' own time stamp, epoch milliseconds. */
  readonly timestampMs?: number;
};

export type ScanOptions = {
  readonly wanted: ReadonlySet<string>;
  /** OpenMetrics writes time stamps in seconds; a page that ends with `# EOF` is taken for OpenMetrics too. */
  readonly openMetrics?: boolean;
  /** Code units; a longer line counts as bad. */
  readonly maxLineLength?: number;
  readonly maxSeries?: number;
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
const HASH = 0x23;
const OPEN = 0x7b;
// No two parts may match the same digits: a line of 64 KiB of digits must not make it backtrack.
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

export function scanExposition(page: string, options: ScanOptions): Scan {
  const { wanted, maxLineLength = MAX_LINE_LENGTH, maxSeries = MAX_SERIES } = options;
  const openMetrics = options.openMetrics === true || page.endsWith('\n# EOF\n') || page.endsWith('\n# EOF');
  const cursor = new ExpositionCursor(page);
  const series: Series[] = [];
  let [line, badLines, firstBadLine, truncated, capped] = [0, 0, 0, false, false];
  let start = 0;
  let unwanted = '';
  while (start < page.length) {
    const newline = page.indexOf('\n', start);
    const end = newline === -1 ? page.length : newline;
    line++;
    cursor.place(start, end);
    start = end + 1;
    cursor.skipBlanks();
    if (cursor.done) continue;
    if (cursor.peek() === HASH) {
      if (isEof(page, cursor.at, end)) break;
      truncated = newline === -1;
      continue;
    }
    if (newline === -1) {
      truncated = true;
      break;
    }
    const tooLong = end - cursor.at > maxLineLength;
    // Most of a page are buckets of histograms: hundreds of lines that begin as the line before.
    const begin = cursor.at;
    if (!tooLong && unwanted !== '' && page.startsWith(unwanted, begin)) continue;
    const found = tooLong ? 'Bad' : readLine(cursor, wanted, openMetrics);
    if (found === 'Unwanted') {
      // A name and its brace: nothing behind them can make such a line wanted, or bad.
      unwanted = cursor.peek() === OPEN ? page.slice(begin, cursor.at + 1) : '';
      continue;
    }
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

function readLine(
  cursor: ExpositionCursor,
  wanted: ReadonlySet<string>,
  openMetrics: boolean,
): Series | 'Bad' | 'Unwanted' {
  let name: string | undefined;
  if (cursor.peek() !== OPEN) {
    name = cursor.name();
    if (name === '') return 'Bad';
    const nameEnd = cursor.at;
    cursor.skipBlanks();
    // A name ends at a blank or at its labels; anything else (`<html>`, `a-b`) is not a sample.
    if (cursor.done || (cursor.at === nameEnd && cursor.peek() !== OPEN)) return 'Bad';
    if (!wanted.has(name)) return 'Unwanted';
  }
  let labels: Labels = NO_LABELS;
  if (cursor.peek() === OPEN) {
    const block = cursor.labels();
    if (block === undefined) return 'Bad';
    if (name !== undefined && block.name !== undefined) return 'Bad';
    name ??= block.name;
    if (name === undefined) return 'Bad';
    if (!wanted.has(name)) return 'Unwanted';
    labels = block.labels;
    cursor.skipBlanks();
  }
  const value = parseValue(cursor.token());
  if (value === undefined) return 'Bad';
  cursor.skipBlanks();
  const stamp = cursor.done || cursor.peek() === HASH ? undefined : cursor.token();
  if (stamp !== undefined && !DECIMAL.test(stamp)) return 'Bad';
  cursor.skipBlanks();
  // What may follow is an exemplar, `# {…} value`; it is of no interest.
  if (!cursor.done && cursor.peek() !== HASH) return 'Bad';
  if (stamp === undefined) return { name: name as string, labels, value };
  return { name: name as string, labels, value, timestampMs: openMetrics ? Number(stamp) * 1000 : Number(stamp) };
}

/** A number as the format writes it, `NaN` and `+Inf` included; undefined for anything else. */
export function parseValue(token: string): number | undefined {
  if (DECIMAL.test(token)) return Number(token);
  if (/^nan$/i.test(token)) return Number.NaN;
  const infinite = INFINITE.exec(token);
  if (infinite === null) return undefined;
  return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function isEof(page: string, at: number, end: number): boolean {
  return page.startsWith('# EOF', at) && page.slice(at + 5, end).trim() === '';
}

const NO_LABELS: Labels = new Map();
