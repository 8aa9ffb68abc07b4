import type { ExpositionCursor, Labels } from './exposition-cursor.ts';

/** What a line is about: its name and its labels. */
export type SeriesHead = { readonly name: string; readonly labels: Labels };

/** One sample of an exposition page. */
export type Series = SeriesHead & {
  /** As written; may be NaN or infinite. */
  readonly value: number;
  /** The series' own time stamp, epoch milliseconds. */
  readonly timestampMs?: number;
};

const HASH = 0x23;
const OPEN = 0x7b;
// No two parts may match the same digits: a line of 64 KiB of digits must not make it backtrack.
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;
const NO_LABELS: Labels = new Map();

/** Reads up to the end of the name or of its labels. What follows an unwanted name is not read. */
export function readHead(cursor: ExpositionCursor, wanted: ReadonlySet<string>): SeriesHead | 'Bad' | 'Unwanted' {
  let name: string | undefined;
  if (cursor.peek() !== OPEN) {
    name = cursor.name();
    if (name === '') return 'Bad';
    const nameEnd = cursor.at;
    cursor.skipBlanks();
    // A name ends at a blank or at its labels; anything else (`<html>`, `a-b`) is not a sample.
    if (cursor.done || (cursor.at === nameEnd && cursor.peek() !== OPEN)) return 'Bad';
    if (!wanted.has(name)) return 'Unwanted';
    if (cursor.peek() !== OPEN) {
      cursor.at = nameEnd;
      return { name, labels: NO_LABELS };
    }
  }
  const block = cursor.labels();
  if (block === undefined) return 'Bad';
  if (name !== undefined && block.name !== undefined) return 'Bad';
  name ??= block.name;
  if (name === undefined) return 'Bad';
  return wanted.has(name) ? { name, labels: block.labels } : 'Unwanted';
}

/** Reads what follows the head of a line, to its end. */
export function readRest({ name, labels }: SeriesHead, cursor: ExpositionCursor, openMetrics: boolean): Series | 'Bad' {
  cursor.skipBlanks();
  const value = parseValue(cursor.token());
  if (value === undefined) return 'Bad';
  cursor.skipBlanks();
  const stamp = cursor.done || cursor.peek() === HASH ? undefined : cursor.token();
  if (stamp !== undefined && !DECIMAL.test(stamp)) return 'Bad';
  cursor.skipBlanks();
  // What may follow is an exemplar, `# {…} value`; it is of no interest.
  if (!cursor.done && cursor.peek() !== HASH) return 'Bad';
  if (stamp === undefined) return { name, labels, value };
  return { name, labels, value, timestampMs: openMetrics ? Number(stamp) * 1000 : Number(stamp) };
}

/** A number as the format writes it, `NaN` and `+Inf` included; undefined for anything else. */
export function parseValue(token: string): number | undefined {
  if (DECIMAL.test(token)) return Number(token);
  if (/^nan$/i.test(token)) return Number.NaN;
  const infinite = INFINITE.exec(token);
  if (infinite === null) return undefined;
  return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
