import { describe, expect, it } from 'vitest';
import { baseShare, followHeaders, queueByHeaders } from '../../../src/core/load/header-queue.ts';
import { memory } from './memories.ts';

describe('requests without response headers', () => {
  it('are followed over ten seconds, like those in flight', () => {
    const one = memory({ pending: 4, inFlight: 10, pending10: 1, inFlight10: 2 });
    followHeaders(one, 10);
    expect(one.pending10).toBeCloseTo(4 - 3 / Math.E, 9);
    expect(one.inFlight10).toBeCloseTo(10 - 8 / Math.E, 9);
  });

  it('have as their usual share the least of the service', () => {
    const shares = (...all: readonly (readonly [pending: number, inFlight: number])[]) =>
      baseShare(all.map(([pending10, inFlight10]) => memory({ pending10, inFlight10 })));
    expect(shares([1, 10], [2, 10])).toBeCloseTo(0.1, 12);
    expect(shares([0, 1], [1, 10])).toBeCloseTo(0.1, 12);
    expect(shares([0, 1])).toBeUndefined();
    // Here headers take their time everywhere: they tell nothing of a queue.
    expect(shares([1.5, 10], [2, 10])).toBeUndefined();
    expect(shares([1.49, 10])).toBeCloseTo(0.149, 12);
    expect(shares()).toBeUndefined();
  });

  it('are a queue beyond twice the usual share', () => {
    const queue = queueByHeaders(memory({ pending: 20, inFlight: 40 }), 0.05, 1);
    expect(queue).toEqual({ from: 'Headers', waiting: 16, running: 20, kvUsageRatio: 0, elapsedSec: 1 });
  });

  it('are noise below four, below a tenth, or below three usual shares and 30 %', () => {
    const waiting = (pending: number, inFlight: number, base = 0) =>
      queueByHeaders(memory({ pending, inFlight }), base, 1).waiting;
    expect(waiting(3.9, 5)).toBe(0);
    expect(waiting(4, 5)).toBe(4);
    expect(waiting(29.9, 100)).toBe(0);
    expect(waiting(30, 100)).toBe(30);
    // 3 w + 0.3 of 100 are 60; 2 w of 100 are 20.
    expect(waiting(59, 100, 0.1)).toBe(0);
    expect(waiting(61, 100, 0.1)).toBeCloseTo(41, 9);
  });
});
