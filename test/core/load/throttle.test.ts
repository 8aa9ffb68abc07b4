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

  it('is all of the time at most, however a counter leaps', () => {
    expect(ratios([{ totalSec: 0 }, { totalSec: 5 }])).toEqual([0, 1]);
  });

  it('holds for a minute after a first rise, and after later ones for twice the time between them', () => {
    const heldSec = (...risesSec: readonly number[]) => {
      const told = Array.from({ length: 200 }, (_, sec) => ({ totalSec: risesSec.filter((one) => one <= sec).length }));
      const last = risesSec.at(-1) as number;
      return ratios(told).lastIndexOf(1 / Math.max(1, last - (risesSec.at(-2) ?? last - 1))) - last;
    };
    expect(heldSec(10)).toBe(60);
    expect(heldSec(9, 10)).toBe(3);
  });

  it('holds as long where a simulation starts its clock at zero', () => {
    const first = takeThrottle(undefined, { totalSec: 0, atMs: 1000 }, 1000);
    expect(takeThrottle(first, { totalSec: 1, atMs: 2000 }, 2000).holdUntilMs).toBe(62_000);
  });

  it('holds for a minute at most', () => {
    let throttle: ThrottleMemory | undefined;
    for (const [sec, totalSec] of [
      [0, 0],
      [10, 10],
      [60, 60],
    ] as const)
      throttle = takeThrottle(throttle, { totalSec, atMs: START_MS + sec * 1000 }, START_MS + sec * 1000);
    expect(throttle).toMatchObject({ totalRatio: 1, riseAtMs: START_MS + 60_000, holdUntilMs: START_MS + 120_000 });
    const twenty = takeThrottle(throttle, { totalSec: 80, atMs: START_MS + 80_000 }, START_MS + 80_000);
    expect(twenty.holdUntilMs).toBe(START_MS + 120_000);
  });

  it('is not told by an old page that comes again, but by one after the clock was set back', () => {
    const known = takeThrottle(undefined, { ratio: 0.5, totalSec: 100, atMs: START_MS + 1000 }, START_MS + 1000);
    const page = { ratio: 0.9, totalSec: 101, atMs: START_MS + 1000 };
    expect(takeThrottle(known, page, START_MS + 1000)).toBe(known);
    expect(takeThrottle(known, { ...page, atMs: START_MS }, START_MS + 2000)).toBe(known);
    const setBack = takeThrottle(known, page, START_MS + 999);
    // Between two clocks there is no rate.
    expect(setBack).toMatchObject({ ratio: 0.9, totalSec: 101, totalRatio: 0, riseAtMs: 0 });
    expect(takeThrottle(known, { ...page, atMs: START_MS + 500 }, START_MS + 999)).toMatchObject({
      totalRatio: 0,
      totalAtMs: START_MS + 500,
    });
    expect(takeThrottle(setBack, { totalSec: 101.5, atMs: START_MS + 2000 }, START_MS + 2000)).toMatchObject({
      totalRatio: 0.5,
    });
  });

  it('is kept where a page is silent on it', () => {
    expect(ratios([{ ratio: 0.7 }, {}, { totalSec: 4 }, { recentCount: 2 }])).toEqual([0.7, 0.7, 0.7, 0.7]);
    expect(ratios([{ totalSec: 0 }, { totalSec: 1 }, { ratio: 0 }, { totalSec: 1.5 }])).toEqual([0, 1, 1, 0.25]);
    expect(ratios([{ recentCount: 1 }, { recentCount: 2 }, { ratio: 0 }])).toEqual([0, 1, 1]);
  });

  it('of a count in a window holds while it rises or stands, and ends when it falls', () => {
    const told = [4, 4, 5, 6, 6, 6, 5, 5, 0].map((recentCount) => ({ recentCount }));
    expect(ratios(told)).toEqual([0, 0, 1, 1, 1, 1, 0, 0, 0]);
  });

  it('is unknown when it is old, and the worst of several devices', () => {
    const of = (ratio: number, ageMs: number) =>
      gpu({ throttle: takeThrottle(undefined, { ratio, atMs: START_MS - ageMs }, START_MS) });
    expect(throttledRatio([of(1, 15_001)], START_MS)).toBeUndefined();
    expect(throttledRatio([of(1, 15_000)], START_MS)).toBe(1);
    expect(throttledRatio([of(0, 0)], START_MS)).toBe(0);
    expect(throttledRatio([of(1, 15_001), of(0.2, 0)], START_MS)).toBe(0.2);
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

  it('is up to the clock for five seconds after the clock was read', () => {
    const derated = (ageMs: number) => {
      const one = busy();
      one.gpus = [
        gpu({ clockHertz: 1.2e9, clockAtMs: START_MS - ageMs }),
        gpu({ throttle: takeThrottle(undefined, { ratio: 1, atMs: START_MS }, START_MS) }),
      ];
      applyThrottle(one, START_MS, 1);
      return one.logCapacity < 0;
    };
    expect(derated(5000)).toBe(false);
    expect(derated(5001)).toBe(true);
  });

  /** A busy server that was throttled for a share of the time, and is told of another for long. */
  const settled = (before: EndpointMemory['throttled'], ratio: number, over: Partial<EndpointMemory> = {}) => {
    const one = { ...busy(), throttled: before, ...over };
    one.gpus = [
      gpu({ clockHertz: null, ...one.gpus[0], throttle: takeThrottle(undefined, { ratio, atMs: START_MS }, START_MS) }),
    ];
    applyThrottle(one, START_MS, 1000);
    return one;
  };

  it('counts from a tenth of the time on', () => {
    expect(settled(null, 0.099)).toMatchObject({ throttled: null, logCapacity: 0 });
    expect(settled(null, 0.1)).toMatchObject({ throttled: { ratio: 0.1, log: -0.025 }, logCapacity: -0.025 });
    expect(settled({ ratio: 0.1, log: 0 }, 0.1)).toMatchObject({ throttled: { log: -0.025 } });
    expect(settled({ ratio: 0.1, log: -0.025 }, 0.099)).toMatchObject({ throttled: null, logCapacity: 0.025 });
    const clocked = { gpus: [gpu({ clockHertz: 2e9 })] };
    expect(settled({ ratio: 0.1, log: 0 }, 0.1, clocked).throttled).toEqual({ ratio: 0.1, log: 0 });
    expect(settled({ ratio: 0.1, log: 0 }, 0.099, clocked).throttled).toBeNull();
  });

  it('moves its capacity by steps of more than two percent: less is flicker', () => {
    const half = { ratio: 0.5, log: -0.125 };
    for (const ratio of [0.45, 0.55]) {
      const still = settled(half, ratio);
      expect(still).toMatchObject({ logCapacity: 0, completions: 2, engineWork: 400 });
      expect(still.throttled).toEqual({ ratio: expect.closeTo(ratio, 12), log: -0.125 });
    }
    expect(settled(half, 0.6).logCapacity).toBeCloseTo(-0.025, 12);
    expect(settled(half, 0.4).logCapacity).toBeCloseTo(0.025, 12);
  });

  it('is derated once it has been busy for five seconds, and never beyond a twentieth of the mean', () => {
    expect(settled(null, 1, { busySec: 4.9 })).toMatchObject({ logCapacity: 0, throttled: { ratio: 1, log: 0 } });
    expect(settled(null, 1, { busySec: 5 }).logCapacity).toBe(-0.25);
    expect(settled(null, 1, { logCapacity: -2.9 }).logCapacity).toBe(-3);
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
