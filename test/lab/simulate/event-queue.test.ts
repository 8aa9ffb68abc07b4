import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../../src/lab/simulate/event-queue.ts';

describe('the queue of events', () => {
  it('runs them in order of time, and those of one time in the order in which they were planned', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 200 }), (times) => {
        const queue = new EventQueue(0);
        const seen: [number, number][] = [];
        times.forEach((atMs, index) => {
          queue.at(atMs, () => seen.push([queue.nowMs, index]));
        });
        queue.runUntil(20);
        const expected = times.map((atMs, index) => [atMs, index] as [number, number]);
        expect(seen).toEqual(expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]));
      }),
    );
  });

  it('stops at the time, itself included, and goes on from there', () => {
    const queue = new EventQueue(100);
    const seen: string[] = [];
    queue.at(110, () => {
      seen.push('first');
      queue.at(105, () => seen.push(`past means now: ${queue.nowMs}`));
      queue.at(120, () => seen.push('later'));
    });
    queue.runUntil(110);
    expect(seen).toEqual(['first', 'past means now: 110']);
    queue.runUntil(120);
    expect([seen.at(-1), queue.nowMs]).toEqual(['later', 120]);
  });
});
