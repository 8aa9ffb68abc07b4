import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../../src/core/policy/text/nearest.ts';

/** The definition, word by word: exponential, for short words only. */
function plainDistance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const same = a[0] === b[0] ? 0 : 1;
  const swap = a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0];
  return Math.min(
    plainDistance(a.slice(1), b) + 1,
    plainDistance(a, b.slice(1)) + 1,
    plainDistance(a.slice(1), b.slice(1)) + same,
    swap ? plainDistance(a.slice(2), b.slice(2)) + 1 : Number.POSITIVE_INFINITY,
  );
}

describe('the nearest word', () => {
  it('has the distance of the definition', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 5 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).toBe(plainDistance(a, b));
      }),
    );
  });

  it('is found over typing errors, case and separators', () => {
    const keys = ['loadBalancer', 'outlierDetection', 'retry', 'rateLimits', 'pools'];
    expect(nearest('loadbalancer', keys)).toBe('loadBalancer');
    expect(nearest('load_balancer', keys)).toBe('loadBalancer');
    expect(nearest('laodBalancer', keys)).toBe('loadBalancer');
    expect(nearest('retrys', keys)).toBe('retry');
    expect(nearest('pool', keys)).toBe('pools');
  });

  it('is not guessed from afar, nor among names of one or two letters', () => {
    expect(nearest('affinity', ['loadBalancer', 'retry'])).toBeUndefined();
    expect(nearest('P9', ['P0', 'P1'])).toBeUndefined();
    expect(nearest('p1', ['P0', 'P1'])).toBe('P1');
    expect(nearest('', ['a'])).toBeUndefined();
    expect(nearest('x'.repeat(1000), ['x'])).toBeUndefined();
  });
});
