import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type IssuedRates, issuedShares } from '../../../src/core/control/index.ts';
import { stepIssued } from '../../../src/core/control/issued-share.ts';

/** What two servers were issued since the last tick. */
const issued = (a: number, b: number) => [
  { id: 'a', issued: a },
  { id: 'b', issued: b },
];

function settle(counts: ReturnType<typeof issued>, seconds = 60): IssuedRates {
  let rates: IssuedRates = {};
  for (let i = 0; i < seconds; i++) rates = stepIssued(rates, counts, 1);
  return rates;
}

describe('issued shares', () => {
  it('settle at what the sidecars sent', () => {
    const rates = settle(issued(9, 3));
    expect(rates.a).toBeCloseTo(9, 3);
    expect(rates.b).toBeCloseTo(3, 3);
    expect(issuedShares(rates).a).toBeCloseTo(0.75, 4);
  });

  it('move with a time constant of 5 s: two thirds of a step after 5 s, whatever the tick', () => {
    for (const tickSec of [0.5, 1, 2.5]) {
      let rates: IssuedRates = {};
      for (let t = 0; t < 5; t += tickSec) {
        rates = stepIssued(rates, issued(10 * tickSec, 0), tickSec);
      }
      expect(rates.a, `tick ${tickSec}`).toBeCloseTo(10 * (1 - Math.exp(-1)), 6);
    }
  });

  it('forget who left, and fade while nobody reports', () => {
    const rates = settle(issued(6, 2));
    expect(Object.keys(stepIssued(rates, issued(0, 0).slice(1), 1))).toEqual(['b']);
    expect(stepIssued(rates, issued(0, 0), 60).a).toBeLessThan(0.001);
    expect(issuedShares(settle(issued(0, 0)))).toEqual({ a: 0, b: 0 });
  });

  it('never move without time, or when it goes backwards', () => {
    const rates = settle(issued(6, 2));
    for (const elapsedSec of [0, -5]) {
      expect(stepIssued(rates, issued(99, 0), elapsedSec)).toEqual(rates);
    }
  });

  it('sum to 1 or are all 0', () => {
    const rate = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.dictionary(fc.string(), rate), (rates) => {
        const shares = Object.values(issuedShares(rates));
        const sum = shares.reduce((total, share) => total + share, 0);
        expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
        if (sum !== 0) expect(sum).toBeCloseTo(1, 9);
        else expect(Object.values(rates).every((value) => value <= 1e-6)).toBe(true);
      }),
    );
  });
});
