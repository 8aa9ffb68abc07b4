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
