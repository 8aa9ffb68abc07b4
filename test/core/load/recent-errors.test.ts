import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorRatio, followErrors, isBad } from '../../../src/core/load/recent-errors.ts';

const nothing = () => ({ recentRequests: 0, recentErrors: 0 });

/** So many seconds of so many requests and errors each. */
function counted(seconds: number, issued: number, errors: number, memory = nothing()) {
  for (let sec = 0; sec < seconds; sec += 1) followErrors(memory, { issued, errors }, 1);
  return memory;
}

describe('recent errors', () => {
  it('come to their share of what was issued', () => {
    expect(errorRatio(counted(20, 50, 35))).toBeCloseTo(0.7, 9);
    expect(errorRatio(counted(20, 50, 0))).toBe(0);
  });

  it('are seen within two seconds where many requests are issued', () => {
    const well = counted(30, 20, 0);
    expect(errorRatio(counted(1, 20, 14, { ...well }))).toBeGreaterThan(0.2);
    expect(errorRatio(counted(2, 20, 14, { ...well }))).toBeGreaterThan(0.4);
  });

  it('are not one of ten: a single error of a server that is rarely asked is none', () => {
    const quiet = counted(100, 0.5, 0);
    followErrors(quiet, { issued: 1, errors: 1 }, 1);
    expect(isBad(quiet)).toBe(false);
    followErrors(quiet, { issued: 1, errors: 1 }, 1);
    expect(isBad(quiet)).toBe(true);
  });

  it('are remembered over ten requests, and fade without any', () => {
    const sick = counted(60, 0.5, 0.35);
    expect(isBad(counted(5, 0.5, 0, { ...sick }))).toBe(true);
    expect(isBad(counted(20, 3, 0, { ...sick }))).toBe(false);
    expect(isBad(counted(20, 0, 0, { ...sick }))).toBe(true);
    expect(isBad(counted(90, 0, 0, { ...sick }))).toBe(false);
  });

  it('make a server bad above a tenth of what was asked, and above a fifth of one error', () => {
    expect(isBad({ recentRequests: 10, recentErrors: 1 })).toBe(false);
    expect(isBad({ recentRequests: 10, recentErrors: 1.01 })).toBe(true);
    expect(isBad({ recentRequests: 1, recentErrors: 0.2 })).toBe(false);
    expect(isBad({ recentRequests: 1, recentErrors: 0.21 })).toBe(true);
    // Fewer than a tenth of one have no ratio.
    expect(errorRatio({ recentRequests: 0.1, recentErrors: 0.099 })).toBe(0);
    expect(errorRatio({ recentRequests: 0.2, recentErrors: 0.1 })).toBe(0.5);
  });

  it('are never more than all, whatever comes when', () => {
    const second = fc.record({
      issued: fc.nat(1000),
      errors: fc.nat(1000),
      elapsedSec: fc.double({ min: 0.05, max: 5, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(second, { maxLength: 40 }), (seconds) => {
        const memory = nothing();
        for (const { elapsedSec, ...answers } of seconds) {
          followErrors(memory, answers, elapsedSec);
          expect(errorRatio(memory)).toBeGreaterThanOrEqual(0);
          expect(errorRatio(memory)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});
