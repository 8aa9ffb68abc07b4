import { describe, expect, it } from 'vitest';
import { parseTrace, readShippedTrace } from '../../../src/lab/traffic/index.ts';

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
    const text = `${HEADER}\r\n2023-11-16 23:59:59.9999999,1,2\r\n2023-11-17 00:00:00,3,4`;
    const rows = parseTrace(text);
    expect(rows[1]).toMatchObject({ promptTokens: 3, outputTokens: 4 });
    expect(rows[1]!.atMs).toBeCloseTo(0.0001, 4);
  });

  it.each([
    ['another header', 'time,in,out\n', /begins with/],
    ['a row that is cut', `${HEADER}\n2023-11-16 18:22:51.2853360,2739`, /Line 2/],
    ['a month that does not exist', `${HEADER}\n2023-13-16 18:22:51.28,27,39`, /Line 2/],
    ['a negative length', `${HEADER}\n2023-11-16 18:22:51.28,-27,39`, /Line 2/],
    ['time that runs back', `${HEADER}\n2023-11-16 18:22:51,1,1\n2023-11-16 18:22:50,1,1`, /Line 3/],
    ['nothing but its header', HEADER, /two rows/],
  ])('with %s is refused', (_, text, words) => {
    expect(() => parseTrace(text)).toThrow(words);
  });
});
