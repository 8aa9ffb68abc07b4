import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_SENT_WEIGHT, splitWeights } from '../../../src/core/resources/split-weights.ts';

const given = fc
  .array(
    fc.nat(1_000_000).map((weight) => weight + 1),
    { minLength: 1, maxLength: 6 },
  )
  .map((weights) => new Map(weights.map((weight, i) => [`p${i}`, Math.min(weight, 1_000_000)])));

function sumOf(weights: ReadonlyMap<string, number>): number {
  return [...weights.values()].reduce((sum, weight) => sum + weight, 0);
}

/** Percent of what is let in, by pool: Envoy's own way, for every number that it can draw. */
function letIn(weights: ReadonlyMap<string, number>, shedPercent: number): readonly number[] {
  const sum = sumOf(weights);
  const counts = new Map([...weights.keys()].map((name) => [name, 0]));
  let all = 0;
  // Whatever is drawn beyond repeats these.
  for (let drawn = 0; drawn < 100 * sum; drawn += 1) {
    if (drawn % 100 < shedPercent) continue;
    let rest = drawn % sum;
    for (const [name, weight] of weights) {
      if (rest < weight) {
        counts.set(name, (counts.get(name) ?? 0) + 1);
        break;
      }
      rest -= weight;
    }
    all += 1;
  }
  return [...counts.values()].map((count) => (100 * count) / all);
}

describe('the weights of a split on the wire', () => {
  it('are the shares of the policy, within a hundredth of a point, and in the range of their keys', () => {
    fc.assert(
      fc.property(given, (weights) => {
        const sent = splitWeights(weights);
        const [before, after] = [sumOf(weights), sumOf(sent)];
        for (const [name, weight] of weights) {
          const value = sent.get(name) ?? 0;
          expect(Math.abs(value / after - weight / before)).toBeLessThan(1e-4);
          expect(value).toBeGreaterThanOrEqual(1);
          expect(value).toBeLessThanOrEqual(MAX_SENT_WEIGHT);
        }
        expect([after % 2 === 0, after % 5 === 0]).toEqual([false, false]);
      }),
    );
  });

  it('hold for what is let in, whatever part is shed', () => {
    const weights = splitWeights(
      new Map([
        ['a', 80],
        ['b', 10],
        ['c', 10],
      ]),
    );
    for (const shed of [0, 50, 99]) {
      const [a, b, c] = letIn(weights, shed);
      expect([a, b, c]).toEqual([80, 10, 10].map((share) => expect.closeTo(share, 2)));
    }
    // As they were sent before: who stands first is shed first.
    expect(
      letIn(
        new Map([
          ['a', 80],
          ['b', 10],
          ['c', 10],
        ]),
        50,
      ),
    ).toEqual([60, 20, 20]);
  });
});
