import { describe, expect, it } from 'vitest';
import {
  meanRatePerSec,
  parseTrace,
  readShippedTrace,
  stretched,
  type TraceRow,
  traceWindow,
} from '../../../src/lab/traffic/index.ts';

const HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens';

describe('the trace', () => {
  it('that ships has 5,000 rows in the order of time', () => {
    const rows = readShippedTrace();
    expect(rows).toHaveLength(5000);
    expect(rows[0]).toEqual({ atMs: 0, promptTokens: 2739, outputTokens: 97 });
    expect(rows[1]!.atMs).toBeCloseTo(61.006, 3);
    expect(rows.at(-1)!.atMs / 1000).toBeCloseTo(944.7017, 3);
  });

  it('is read with 100 ns, with CRLF, and without a line end at its end', () => {
    const rows = rowsOf(`${HEADER}\r\n2023-11-16 23:59:59.9999999,1,2\r\n2023-11-17 00:00:00,3,4`);
    expect(rows[1]).toMatchObject({ promptTokens: 3, outputTokens: 4 });
    expect(rows[1]!.atMs).toBeCloseTo(0.0001, 4);
  });

  it('may tell its time zone, as that of 2024 does', () => {
    const rows = rowsOf(`${HEADER}\n2024-05-10 00:00:00.009930+00:00,1,2\n2024-05-10 00:00:01.009930+00:00,3,4\n`);
    expect(rows[1]!.atMs).toBeCloseTo(1000, 6);
  });

  it('may be that of Mooncake: JSON lines, and what its clock took for one time is spread until the next', () => {
    const line = (timestamp: number, output: number): string =>
      JSON.stringify({ timestamp, input_length: 10, output_length: output, hash_ids: [1] });
    const rows = rowsOf([line(6000, 1), line(6000, 2), line(6000, 3), line(9000, 4), line(9000, 5), ''].join('\n'));
    expect(rows.map(({ atMs }) => atMs)).toEqual([0, 1000, 2000, 3000, 4500]);
    expect(rows.map(({ outputTokens }) => outputTokens)).toEqual([1, 2, 3, 4, 5]);
  });

  it.each([
    ['another header', 'time,in,out\n', /^day:1: expected the header/],
    ['a row that is cut', `${HEADER}\n2023-11-16 18:22:51.2853360,2739`, /^day:2: expected a row such as .* got '2023/],
    ['a month that does not exist', `${HEADER}\n2023-13-16 18:22:51.28,27,39`, /^day:2:/],
    ['a negative length', `${HEADER}\n2023-11-16 18:22:51.28,-27,39`, /^day:2:/],
    ['time that runs back', `${HEADER}\n2023-11-16 18:22:51,1,1\n2023-11-16 18:22:50,1,1`, /^day:3: .*before/],
    ['nothing but its header', HEADER, /two rows/],
    ['one moment only', `${HEADER}\n2023-11-16 18:22:51,1,1\n2023-11-16 18:22:51,1,1`, /at different times/],
    ['JSON that is none', '{"timestamp": 1, "input_length": 1, "output_length": 1}\n{"timestamp": 2,', /^day:2:/],
    [
      'a length that is none',
      '{"timestamp": 1, "input_length": "many", "output_length": 1}',
      /^day:1: expected an object/,
    ],
  ])('with %s is refused, where it is wrong', (_, text, words) => {
    expect(issuesOf(text)[0]).toMatch(words);
  });

  it('says everything that is wrong, up to ten lines', () => {
    const wrong = Array.from({ length: 30 }, (_, at) => (at % 2 === 0 ? 'x' : '2023-11-16 18:22:51,1,1'));
    const issues = issuesOf([HEADER, ...wrong].join('\n'));
    expect(issues).toHaveLength(10);
    expect(issues[1]).toMatch(/^day:4:/);
  });
});

describe('a window of the trace', () => {
  const rows = [0, 100, 400].map((atMs, at) => ({ atMs, promptTokens: at, outputTokens: 1 }));

  it('begins at its row with time 0, and goes around the ring with a mean gap between two laps', () => {
    expect(traceWindow(rows, 1, 1000).map(({ atMs, promptTokens }) => [atMs, promptTokens])).toEqual([
      [0, 1],
      [300, 2],
      [500, 0],
      [600, 1],
      [900, 2],
    ]);
  });

  it('is as dense as the rate says, whatever the stretch', () => {
    expect(meanRatePerSec(rows)).toBe(5);
    expect(meanRatePerSec(stretched(rows, 2))).toBe(2.5);
  });
});

function rowsOf(text: string): readonly TraceRow[] {
  const trace = parseTrace(text, 'day');
  if (!trace.ok) throw new Error(issuesOf(text).join('\n'));
  return trace.value;
}

function issuesOf(text: string): readonly string[] {
  const trace = parseTrace(text, 'day');
  return trace.ok ? [] : trace.issues.map(({ position, message }) => `${position?.file}:${position?.line}: ${message}`);
}
