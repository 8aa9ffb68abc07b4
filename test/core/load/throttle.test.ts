import { describe, expect, it } from 'vitest';
import type { EndpointMemory, ThrottleMemory } from '../../../src/core/load/load-state.ts';
import { applyThrottle, type ThrottleReading, takeThrottle, throttledRatio } from '../../../src/core/load/throttle.ts';
import { START_MS } from '../weights/beliefs.ts';
import { gpu, memory } from './memories.ts';

/** What each second tells, and how throttled the device then counts. */
function ratios(told: readonly Omit<ThrottleReading, 'atMs'>[]): readonly (number | undefined)[] {
  let throttle: ThrottleMemory | undefined;
  return told.map((one, sec) => {
    const atMs = START_MS + sec * 1000;
    throttle = takeThrottle(throttle, { ...one, atMs }, atMs);
    return throttledRatio([gpu({ throttle })], atMs);
  });
}

describe('what is told of throttling', () => {
  it('is a share of the time, as told', () => {
    expect(ratios([{ ratio: 0 }, { ratio: 1 }, { ratio: 0.4 }, { ratio: 0 }])).toEqual([0, 1, 0.4, 0]);
  });

  it('is the rate of a counter of seconds, whose first value and whose fall say nothing', () => {
    const told = [900, 900, 900.5, 901, 901.5, 2, 2.5].map((totalSec) => ({ totalSec }));
    expect(ratios(told)).toEqual([0, 0, 0.5, 0.5, 0.5, 0, 0.5]);
  });

  it('ends soon where a counter that rose each second stands still', () => {
    const told = [0, 1, 2, 3, 3, 3, 3, 3].map((totalSec) => ({ totalSec }));
    expect(ratios(told)).toEqual([0, 1, 1, 1, 1, 1, 1, 0]);
  });

  it('goes on between the rises of an exporter that looks every 30 s', () => {
    const told = Array.from({ length: 95 }, (_, sec) => ({ totalSec: 30 * Math.floor(sec / 30) }));
    expect(
      ratios(told)
        .slice(30)
        .every((ratio) => ratio === 1),
    ).toBe(true);
  });

  it('of a count in a window holds while it rises or stands, and ends when it falls', () => {
    const told = [4, 4, 5, 6, 6, 6, 5, 5, 0].map((recentCount) => ({ recentCount }));
    expect(ratios(told)).toEqual([0, 0, 1, 1, 1, 1, 0, 0, 0]);
  });

  it('is unknown when it is old, and the worst of several devices', () => {
    const of = (ratio: number, ageMs: number) =>
      gpu({ throttle: takeThrottle(undefined, { ratio, atMs: START_MS - ageMs }, START_MS) });
    expect(throttledRatio([of(1, 15_001)], START_MS)).toBeUndefined();
    expect(throttledRatio([of(0.2, 0), of(0.7, 0), gpu()], START_MS)).toBe(0.7);
    expect(throttledRatio([gpu()], START_MS)).toBeUndefined();
  });
});

describe('a throttled GPU', () => {
  /** A busy server, after so many seconds of the same. */
  function lived(one: EndpointMemory, seconds: number, ratio: number | undefined, clockHertz: number | null = null) {
    for (let sec = 1; sec <= seconds; sec += 1) {
      const atMs = START_MS + sec * 1000;
      if (ratio !== undefined)
        one.gpus = [gpu({ clockHertz, clockAtMs: atMs, throttle: takeThrottle(undefined, { ratio, atMs }, atMs) })];
      applyThrottle(one, atMs, 1);
    }
    return one;
  }
  const busy = () => memory({ busySec: 60, completions: 2, engineWork: 400 });

  it('without an SM clock counts as 22 % less, with all that was measured', () => {
    const one = lived(busy(), 30, 1);
    expect(Math.abs(Math.exp(one.logCapacity) - 0.78)).toBeLessThan(0.02);
    expect(one.completions).toBeCloseTo(2 * Math.exp(one.logCapacity), 9);
    expect(one.engineWork).toBeCloseTo(400 * Math.exp(one.logCapacity), 9);
  });

  it('counts as much as before when it ends', () => {
    const one = lived(lived(busy(), 30, 1), 30, 0);
    expect(one.logCapacity).toBeCloseTo(0, 12);
    expect(one.throttled).toBeNull();
    expect(one.completions).toBeCloseTo(2, 9);
  });

  it('is derated by what it was told of, however it flickers', () => {
    const one = busy();
    for (let i = 0; i < 100; i += 1) lived(one, 1, i % 2);
    expect(one.logCapacity).toBeLessThan(-0.05);
    expect(one.logCapacity).toBeGreaterThanOrEqual(-0.25);
  });

  it('with an SM clock is up to the clock: throttling explains it', () => {
    const one = lived(busy(), 30, 1, 1.2e9);
    expect(one.logCapacity).toBe(0);
    expect(one.throttled).toMatchObject({ log: 0 });
    expect(one.throttled?.ratio).toBeGreaterThan(0.9);
  });

  it('keeps what it was believed while nothing is told', () => {
    const one = lived(busy(), 30, 1);
    const { logCapacity } = one;
    for (let sec = 50; sec < 300; sec += 1) applyThrottle(one, START_MS + sec * 1000, 1);
    expect(one.logCapacity).toBe(logCapacity);
  });

  it('is not derated while it is idle, and comes back also then', () => {
    expect(lived(memory(), 30, 1).logCapacity).toBe(0);
    const one = lived(busy(), 30, 1);
    one.busySec = 0;
    expect(lived(one, 30, 0).logCapacity).toBeCloseTo(0, 12);
  });
});
