import { ExpositionCursor } from '../../../src/edge/signals/exposition-cursor.ts';
import { readHead, readRest } from '../../../src/edge/signals/exposition-line.ts';
import type { Scan, Series } from '../../../src/edge/signals/index.ts';

/** One series as the plain reader finds it. */
export type PlainSeries = {
  name: string;
  labels: Record<string, string>;
  value: number;
  timestampMs: number | undefined;
};

const LABEL = /\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?/g;
const LINE = /^\s*([a-zA-Z_:][\w:]*)\s*(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?\s*(\S+)(?:\s+(-?\d+))?(?:\s+#.*)?\s*$/;

/** The scanner's dumb twin: regular expressions over valid pages in milliseconds, with no thought for speed or malice. */
export function readPlainly(page: string, wanted: ReadonlySet<string>): PlainSeries[] {
  const found: PlainSeries[] = [];
  for (const line of page.split('\n')) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const match = LINE.exec(line);
    if (match === null) throw new Error(`the plain reader cannot read ${JSON.stringify(line)}`);
    const [, name, block = '', value, stamp] = match;
    if (!wanted.has(name as string)) continue;
    const labels: Record<string, string> = {};
    for (const [, key, text] of block.matchAll(LABEL)) {
      labels[key as string] = (text as string).replace(/\\(.)/g, (whole, code: string) =>
        code === 'n' ? '\n' : code === '\\' || code === '"' ? code : whole,
      );
    }
    found.push({
      name: name as string,
      labels,
      value: Number((value as string).replace('Inf', 'Infinity')),
      timestampMs: stamp === undefined ? undefined : Number(stamp),
    });
  }
  return found;
}

const BLANKS = /^[ \t\r]*/;
const MAX_LINE_LENGTH = 64 * 1024;

/**
 * The scan as it is meant, without short cuts: each line becomes text and is read from its beginning. It says nothing of
 * pages that are too rich, which the scanner gives up.
 */
export function scanPlainly(bytes: Buffer, wanted: ReadonlySet<string>): Scan {
  const page = bytes.toString('utf8');
  const openMetrics = page.endsWith('\n# EOF') || page.endsWith('\n# EOF\n');
  const series: Series[] = [];
  const bad: number[] = [];
  let truncated = false;
  const lines = page.split('\n');
  for (const [at, whole] of lines.entries()) {
    const line = whole.replace(BLANKS, '');
    if (line === '') continue;
    if (line.startsWith('# EOF') && line.slice(5).trim() === '') break;
    truncated = at === lines.length - 1;
    if (line.startsWith('#') || truncated) continue;
    const cursor = new ExpositionCursor(line);
    const head = Buffer.byteLength(line) > MAX_LINE_LENGTH ? 'Bad' : readHead(cursor, wanted);
    const found = typeof head === 'string' ? head : readRest(head, cursor, openMetrics);
    if (found === 'Bad') bad.push(at + 1);
    else if (found !== 'Unwanted') series.push(found);
  }
  return { series, badLines: bad.length, firstBadLine: bad[0] ?? 0, truncated, capped: false };
}
