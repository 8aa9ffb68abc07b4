import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type FirstTokens,
  NO_FIRST_TOKENS,
  percentileOf,
  stepFirstTokens,
} from '../../../src/core/failover/first-tokens.ts';
import type { Buckets, Endpoint, Sample } from '../../../src/core/topology/index.ts';
import { anEndpoint } from '../resources/build-policy.ts';

const BOUNDS = [0.5, 1, 2.5, 5];
const [A, B] = [anEndpoint('chat', 8001), anEndpoint('chat', 8002)];

/** What an engine says that has answered in these times since it was started. */
function histogram(
  timesSec: readonly number[],
  bounds: readonly number[] = BOUNDS,
): { value: number; buckets: Buckets } {
  const upTo = (bound: number): number => timesSec.filter((sec) => sec <= bound).length;
  return { value: timesSec.length, buckets: bounds.map((bound) => [bound, upTo(bound)]) };
}

function heard({ address, port }: Endpoint, said: ReturnType<typeof histogram>, atMs: number): Sample {
  const times = { sampledAtMs: atMs, changedAtMs: atMs, source: 'engine' };
  return { subject: { address, port }, metric: 'timeToFirstTokenSecondsCount', ...said, ...times };
}

function step(before: FirstTokens, atMs: number, samples: readonly Sample[], elapsedSec = 1): FirstTokens {
  return stepFirstTokens(before, {
    nowMs: atMs,
    elapsedSec,
    windowSec: 30,
    samples,
    endpoints: [A, B],
    tierOf: () => 0,
    tiers: 1,
  });
}

const repeated = (sec: number, times: number): readonly number[] => Array.from({ length: times }, () => sec);

describe('first tokens over a window', () => {
  it('are those between two readings, of all engines of a tier together', () => {
    const old = repeated(4, 500);
    const first = step(NO_FIRST_TOKENS, 1000, [heard(A, histogram(old), 1000), heard(B, histogram([]), 1000)]);
    expect(percentileOf(first, 0)).toEqual({ p95Sec: null, requests: 0 });
    const second = step(first, 2000, [
      heard(A, histogram([...old, ...repeated(0.7, 90)]), 2000),
      heard(B, histogram(repeated(4, 10)), 2000),
    ]);
    // Of the ten above 2.5 s five are the slowest 5 %.
    expect(percentileOf(second, 0)).toEqual({ p95Sec: 2.5 + 2.5 * 0.5, requests: 100 });
    let later = second;
    for (let sec = 3; sec <= 33; sec += 1) later = step(later, sec * 1000, []);
    expect(percentileOf(later, 0)).toEqual({ p95Sec: null, requests: 0 });
  });

  it('say nothing when they are few, and no more than the last bound above it', () => {
    const first = step(NO_FIRST_TOKENS, 1000, [heard(A, histogram([]), 1000)]);
    expect(percentileOf(step(first, 2000, [heard(A, histogram(repeated(9, 19)), 2000)]), 0).p95Sec).toBeNull();
    expect(percentileOf(step(first, 2000, [heard(A, histogram(repeated(9, 20)), 2000)]), 0).p95Sec).toBe(5);
  });

  it.each([
    ['was started anew', histogram(repeated(4, 30)), 2000],
    ['has other buckets', histogram(repeated(4, 200), [1, 2, 3, 4]), 2000],
    ['was silent for long', histogram(repeated(4, 200)), 60_000],
    [
      'contradicts itself',
      {
        value: 200,
        buckets: [
          [0.5, 0],
          [1, 0],
          [2.5, 0],
          [5, 1e9],
        ] as Buckets,
      },
      2000,
    ],
  ])('are not those of an engine that %s', (_, said, atMs) => {
    const first = step(NO_FIRST_TOKENS, 1000, [heard(A, histogram(repeated(4, 100)), 1000)]);
    const second = step(first, atMs, [heard(A, said, atMs)]);
    expect(percentileOf(second, 0).requests).toBe(0);
  });

  it('agree with a count of all times, whatever was answered when', () => {
    const times = fc.array(fc.double({ min: 0.01, max: 8, noNaN: true }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.array(times, { minLength: 2, maxLength: 12 }), (ticks) => {
        let state = step(NO_FIRST_TOKENS, 1000, [heard(A, histogram([]), 1000)]);
        let all: readonly number[] = [];
        for (const [i, more] of ticks.entries()) {
          all = [...all, ...more];
          state = step(state, 2000 + 1000 * i, [heard(A, histogram(all), 2000 + 1000 * i)]);
        }
        const { p95Sec, requests } = percentileOf(state, 0);
        expect(requests).toBe(all.length);
        if (p95Sec === null) {
          expect(all.length).toBeLessThan(20);
          return;
        }
        // Which bucket it is in is exact.
        const sorted = [...all].sort((a, b) => a - b);
        const exact = sorted[Math.ceil(0.95 * sorted.length) - 1] as number;
        const bucket = BOUNDS.findIndex((bound) => exact <= bound);
        const [above, upTo] = bucket === -1 ? [5, 5] : [BOUNDS[bucket - 1] ?? 0, BOUNDS[bucket] as number];
        expect(p95Sec).toBeGreaterThanOrEqual(above);
        expect(p95Sec).toBeLessThanOrEqual(upTo);
      }),
    );
  });
});
