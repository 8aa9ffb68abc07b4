import { describe, expect, it } from 'vitest';
import { effectiveSlots, forgetSlots, learnFromQueue, type Queue } from '../../../src/core/load/slots.ts';
import { memory } from './memories.ts';

const queue = (over: Partial<Queue> = {}): Queue => ({
  from: 'Engine',
  waiting: 2,
  running: 20,
  kvUsageRatio: 0.3,
  elapsedSec: 1,
  ...over,
});

/** A memory after so many seconds of the same queue. */
function queued(seconds: number, over: Partial<Queue> = {}, one = memory()) {
  for (let sec = 0; sec < seconds; sec += 1) learnFromQueue(one, 64, queue(over));
  return one;
}

describe('slots learned from a queue', () => {
  it('are what runs once two requests have waited for three seconds', () => {
    expect(queued(2)).toMatchObject({ slotsByQueue: null, queueSec: 2 });
    expect(queued(3)).toMatchObject({ slotsByQueue: 20, slotsByQueueFrom: 'Engine', queueSec: 3 });
    expect(queued(3, { waiting: 1 })).toMatchObject({ slotsByQueue: null, queueSec: 0 });
    expect(queued(3, { from: 'Headers' }).slotsByQueueFrom).toBe('Headers');
  });

  it('start over when the queue is gone', () => {
    const one = queued(2);
    queued(1, { waiting: 0 }, one);
    queued(2, {}, one);
    expect(one.slotsByQueue).toBeNull();
  });

  it('are not learned of a batch at its supposed limit, of one request, or where the KV cache is short', () => {
    expect(queued(5, { running: 58 }).slotsByQueue).toBeNull();
    expect(queued(5, { running: 57 }).slotsByQueue).toBe(57);
    expect(queued(5, { running: 1 }).slotsByQueue).toBeNull();
    expect(queued(5, { running: 2 }).slotsByQueue).toBe(2);
    expect(queued(5, { kvUsageRatio: 0.8 }).slotsByQueue).toBeNull();
    expect(queued(5, { kvUsageRatio: 0.79 }).slotsByQueue).toBe(20);
  });

  it('follow downwards by a fifth of the way, and upwards at once, queue or not', () => {
    const one = queued(3);
    queued(1, { running: 10 }, one);
    expect(one.slotsByQueue).toBeCloseTo(18, 12);
    queued(1, { running: 30, waiting: 0 }, one);
    expect(one.slotsByQueue).toBe(30);
    expect(queued(1, { waiting: 0, running: 30 }).slotsByQueue).toBeNull();
  });

  it('are forgotten by 0.02 % a second', () => {
    const one = queued(3);
    forgetSlots(one, 10);
    expect(one.slotsByQueue).toBeCloseTo(20 * 1.002, 9);
    const none = memory();
    forgetSlots(none, 10);
    expect(none.slotsByQueue).toBeNull();
  });
});

describe('effective slots', () => {
  it('are the least of what is supposed, what queues taught and what the KV cache holds', () => {
    expect(effectiveSlots(memory(), 64)).toBe(64);
    expect(effectiveSlots(memory({ slotsByQueue: 20 }), 64)).toBe(20);
    expect(effectiveSlots(memory({ slotsByQueue: 90 }), 64)).toBe(64);
    // 10 requests fill half of the cache: 17 fill 85 % of it.
    expect(effectiveSlots(memory({ kvRunning: 10, kvUsage: 0.5 }), 64)).toBe(17);
    expect(effectiveSlots(memory({ kvRunning: 10, kvUsage: 0.5, slotsByQueue: 12 }), 64)).toBe(12);
    expect(effectiveSlots(memory({ kvRunning: 100, kvUsage: 0.5 }), 64)).toBe(64);
  });

  it('do not ask a cache that is less than 40 % full', () => {
    expect(effectiveSlots(memory({ kvRunning: 10, kvUsage: 0.4 }), 64)).toBe(64);
    expect(effectiveSlots(memory({ kvRunning: 10, kvUsage: 0.41 }), 64)).toBeCloseTo(8.5 / 0.41, 9);
    expect(effectiveSlots(memory({ kvRunning: 0, kvUsage: 0.9 }), 64)).toBe(64);
  });

  it('are one at least', () => {
    expect(effectiveSlots(memory({ slotsByQueue: 0.3 }), 64)).toBe(1);
    expect(effectiveSlots(memory(), 1e9)).toBe(100_000);
  });
});
