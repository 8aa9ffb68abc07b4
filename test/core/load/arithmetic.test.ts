import { describe, expect, it } from 'vitest';
import { ewma, ewmaFrom } from '../../../src/core/load/ewma.ts';
import { median, quantile, upperMedian } from '../../../src/core/load/median.ts';
import { clamp, plausible } from '../../../src/core/load/plausible.ts';

describe('the arithmetic of beliefs', () => {
  it('medians: the middle, or the mean of two; the lower and the upper of them; of nothing, nothing', () => {
    expect(median([10, 1, 3])).toBe(3);
    expect(median([10, 1, 3, 5])).toBe(4);
    expect(median([])).toBeUndefined();
    expect(quantile([10, 1, 3, 5], 0.5)).toBe(3);
    expect(quantile([10, 1, 3, 5, 7], 0.25)).toBe(3);
    expect(quantile([], 0.5)).toBeUndefined();
    expect(upperMedian([10, 1, 3, 5])).toBe(5);
    expect(upperMedian([10, 1, 3])).toBe(3);
  });

  it('smoothed means: after tau the old value counts 1/e, and the first value is the mean', () => {
    expect(ewma(10, 0, 5, 5)).toBeCloseTo(10 / Math.E, 12);
    expect(ewma(0, 10, 5, 10)).toBeCloseTo(10 - 10 / Math.E ** 2, 12);
    expect(ewmaFrom(null, 7, 5, 1)).toBe(7);
    expect(ewmaFrom(0, 10, 5, 5)).toBeCloseTo(10 - 10 / Math.E, 12);
  });

  it('smoothed means: whatever was asked before, exactly the step of this τ and this time', () => {
    for (const tauSec of [1, 20, 0.5, 2.5, 127, 128, 300, 20])
      for (const elapsedSec of [1, 0.05, 5, 1, 0])
        expect(ewma(3, 11, tauSec, elapsedSec)).toBe(3 + (1 - Math.exp(-elapsedSec / tauSec)) * 8);
  });

  it('what is missing, no number or out of range is absent', () => {
    expect(plausible(0, 0, 1)).toBe(0);
    expect(plausible(1, 0, 1)).toBe(1);
    for (const value of [-0.1, 1.1, Number.NaN, Infinity, null, undefined])
      expect(plausible(value, 0, 1)).toBeUndefined();
    expect(plausible('1' as unknown as number, 0, 1)).toBeUndefined();
    expect([clamp(-2, -1, 1), clamp(2, -1, 1), clamp(0.5, -1, 1)]).toEqual([-1, 1, 0.5]);
  });
});
