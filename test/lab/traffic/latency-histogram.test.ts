import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LatencyHistogram } from '../../../src/lab/traffic/index.ts';

/** The dumb twin: sort everything and take the nearest rank. */
function exactPercentile(values: readonly number[], ratio: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(ratio * sorted.length)) - 1]!;
}

function filled(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

const latencies = fc.array(fc.double({ min: 0, max: 500_000, noNaN: true }), { minLength: 1, maxLength: 300 });

describe('a latency histogram', () => {
  it('agrees with sorting everything, to one percent', () => {
    fc.assert(
      fc.property(latencies, fc.constantFrom(0, 0.5, 0.9, 0.99, 1), (values, ratio) => {
        const exact = exactPercentile(values, ratio);
        const found = filled(values).percentileMs(ratio)!;
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(Math.max(0.1, exact * 0.0101));
      }),
    );
  });

  it('merged from two parts equals the histogram of all', () => {
    fc.assert(
      fc.property(latencies, latencies, (some, others) => {
        const merged = filled(some);
        merged.add(filled(others));
        const whole = filled([...some, ...others]);
        for (const ratio of [0.5, 0.99, 1]) expect(merged.percentileMs(ratio)).toBe(whole.percentileMs(ratio));
        expect(merged.count).toBe(whole.count);
        expect(merged.meanMs).toBeCloseTo(whole.meanMs, 6);
        expect(merged.maxMs).toBe(whole.maxMs);
      }),
    );
  });

  it('without records has no percentile', () => {
    expect(new LatencyHistogram().percentileMs(0.5)).toBeUndefined();
    expect(new LatencyHistogram().meanMs).toBe(0);
  });

  it('takes what is below zero as zero and what is beyond its range as its last bucket', () => {
    const histogram = filled([-5, 3_600_000]);
    expect(histogram.percentileMs(0.5)).toBeLessThanOrEqual(0.1);
    expect(histogram.percentileMs(1)).toBeGreaterThan(590_000);
    expect(histogram.maxMs).toBe(3_600_000);
  });
});
