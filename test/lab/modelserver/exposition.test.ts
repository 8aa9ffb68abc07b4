import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
// Not exported by the room: only its own pages use them.
import { labelText, pythonFloat } from '../../../src/lab/modelserver/exposition.ts';
import { Histogram } from '../../../src/lab/modelserver/histogram.ts';

describe('numbers as prometheus_client prints them', () => {
  it.each([
    [0, '0.0'],
    [3, '3.0'],
    [-2.5, '-2.5'],
    [0.25, '0.25'],
    [100_000, '100000.0'],
    [123_456, '123456.0'],
    [1_000_000, '1e+06'],
    [1_234_567, '1.234567e+06'],
    [1_763_800_000.25, '1.76380000025e+09'],
    [12_345_678_901, '1.2345678901e+10'],
    [0.00005, '5e-05'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
    [Number.NaN, 'NaN'],
  ])('%d is %s', (value, text) => {
    expect(pythonFloat(value)).toBe(text);
  });

  it('read back as the same number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }), (value) => {
        expect(Number(pythonFloat(value)) === value).toBe(true);
      }),
    );
  });
});

describe('labels', () => {
  it('are escaped, and absent when there are none', () => {
    expect(labelText({ a: 'x"y\\z\n', b: '' })).toBe('{a="x\\"y\\\\z\\n",b=""}');
    expect(labelText({})).toBe('');
  });
});

describe('a histogram', () => {
  it('counts what is at most each bound; what is above all only in the count', () => {
    const histogram = new Histogram([1, 2, 5]);
    histogram.observe(1);
    histogram.observe(1.5, 3);
    histogram.observe(9);
    expect(histogram.cumulative()).toEqual([1, 4, 4]);
    expect([histogram.count, histogram.sum]).toEqual([5, 14.5]);
  });
});
