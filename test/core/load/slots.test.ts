import { describe, expect, it } from 'vitest';
import {
  effectiveSlots,
  forgetSlots,
  knownSlots,
  learnFromKv,
  learnFromQueue,
  type Queue,
} from '../../../src/core/load/slots.ts';
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

describe('what the KV cache holds', () => {
  const learned = (over: Parameters<typeof memory>[0]): number | null => {
    const one = memory(over);
    learnFromKv(one);
    return one.slotsByKv;
  };

  it('is learned while the cache is more than 40 % full, and kept when it is not', () => {
    // 10 requests fill half of the cache: 17 fill 85 % of it.
    expect(learned({ kvRunning: 10, kvUsage: 0.5 })).toBe(17);
    expect(learned({ kvRunning: 10, kvUsage: 0.41 })).toBeCloseTo(8.5 / 0.41, 9);
    expect(learned({ kvRunning: 10, kvUsage: 0.4 })).toBeNull();
    expect(learned({ kvRunning: 10, kvUsage: 0.4, slotsByKv: 17 })).toBe(17);
    expect(learned({ kvRunning: 0, kvUsage: 0.9 })).toBeNull();
  });

  it('is forgotten as slowly as what queues taught', () => {
    const one = memory({ slotsByKv: 100, slotsByQueue: 50 });
    forgetSlots(one, 10);
    expect([one.slotsByKv, one.slotsByQueue]).toEqual([expect.closeTo(100.2, 9), expect.closeTo(50.1, 9)]);
  });
});

describe('effective slots', () => {
  it('are the least of what is supposed, what queues taught and what the KV cache holds', () => {
    expect(effectiveSlots(memory(), 64)).toBe(64);
    expect(effectiveSlots(memory({ slotsByQueue: 20 }), 64)).toBe(20);
    expect(effectiveSlots(memory({ slotsByQueue: 90 }), 64)).toBe(64);
    expect(effectiveSlots(memory({ slotsByKv: 17 }), 64)).toBe(17);
    expect(effectiveSlots(memory({ slotsByKv: 17, slotsByQueue: 12 }), 64)).toBe(12);
    expect(effectiveSlots(memory({ slotsByKv: 170 }), 64)).toBe(64);
  });

  it('are known from the policy, else from the engine', () => {
    expect(knownSlots({ maxRunningRequests: 40 }, memory({ slotsStated: 24 }))).toBe(40);
    expect(knownSlots({}, memory({ slotsStated: 24 }))).toBe(24);
    expect(knownSlots({}, memory())).toBeUndefined();
  });

  it('are one at least', () => {
    expect(effectiveSlots(memory({ slotsByQueue: 0.3 }), 64)).toBe(1);
    expect(effectiveSlots(memory(), 1e9)).toBe(100_000);
  });
});
