import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ladder } from '../../../src/core/overload/ladder.ts';
import type { OverloadState } from '../../../src/core/overload/overload-state.ts';
import { stepOverload } from '../../../src/core/overload/step-overload.ts';
import { ENDPOINT, loadOf, Plant } from './plant.ts';

const LADDER: Ladder = {
  rungs: [
    { class: 'P3', upToRatio: 1 },
    { class: 'P2', upToRatio: 1 },
  ],
  early: 0,
  enterAt: 1,
  leaveAt: 0.8,
};

const CASES = [1.5, 2, 5, 10].flatMap((factor) => [1, 8, 30].map((requestSec) => ({ factor, requestSec })));

/** A fleet that had half of what it can do for a while, and then so many times what it can do; the first class is absent if asked. */
function overloaded(factor: number, requestSec: number, mix: Readonly<Record<string, number>>, seed = 7): Plant {
  const plant = new Plant(LADDER, { slots: 64, requestSec, seed });
  const scaled = (times: number) =>
    Object.fromEntries(Object.entries(mix).map(([name, part]) => [name, part * times * plant.capacity]));
  plant.offered = scaled(0.5);
  for (let second = 0; second < 30 + 2 * requestSec; second += 1) plant.second();
  plant.offered = scaled(factor);
  return plant;
}

/** The state of each second. */
function seconds(plant: Plant, count: number): readonly OverloadState[] {
  return Array.from({ length: count }, () => plant.second());
}

function turns(states: readonly OverloadState[]): number {
  return states.filter(({ told }, i) => i > 0 && told !== states[i - 1]?.told).length;
}

describe('a ladder under overload', () => {
  it.each(CASES)('of $factor times the capacity, requests of $requestSec s: settles with full batches', ({
    factor,
    requestSec,
  }) => {
    for (const mix of [{ P3: 0.4, P2: 0.6 }, { P2: 1 }, { P0: 0.5 / factor, P2: 1 - 0.5 / factor }]) {
      const plant = overloaded(factor, requestSec, mix);
      seconds(plant, 90 + 4 * requestSec);
      const before = plant.completed;
      const settled = seconds(plant, 120);
      const goodput = (plant.completed - before) / (120 * plant.capacity);
      const saturations = settled.map(({ saturation }) => saturation ?? 0);
      const [low, high] = [Math.min(...saturations), Math.max(...saturations)];
      const words = `${JSON.stringify(mix)} goodput ${goodput.toFixed(2)}, saturation ${low.toFixed(2)}..${high.toFixed(2)}, ${turns(settled)} turns`;
      if (process.env.DEBUG_LADDER) process.stdout.write(`${factor}x ${requestSec}s ${words}\n`);
      expect(goodput, words).toBeGreaterThan(0.9);
      expect(high, words).toBeLessThan(2);
      expect(turns(settled), words).toBeLessThanOrEqual(4);
    }
  });

  it.each(CASES)('of $factor times the capacity, requests of $requestSec s: lets go within 20 s of its end', ({
    factor,
    requestSec,
  }) => {
    const plant = overloaded(factor, requestSec, { P3: 0.4, P2: 0.6 });
    const settled = seconds(plant, 90 + 4 * requestSec);
    expect(settled.at(-1)?.level).toBeGreaterThan(0);
    plant.offered = {};
    const lifted = seconds(plant, 20).at(-1);
    expect(lifted).toMatchObject({ effort: 0, level: 0, percents: {} });
  });

  it.each([
    1, 8, 30,
  ])('lets a class outside of its window fill what others leave below the knee, requests of %i s', (requestSec) => {
    const plant = new Plant({ ...LADDER, early: 1 }, { slots: 64, requestSec, seed: 3 });
    const { capacity } = plant;
    plant.offered = { P2: 0.3 * capacity, P3: 1.5 * capacity };
    seconds(plant, 90 + 4 * requestSec);
    const settled = seconds(plant, 120);
    const mean = settled.reduce((sum, { saturation }) => sum + (saturation ?? 0), 0) / settled.length;
    expect(mean).toBeGreaterThan(0.65);
    expect(mean).toBeLessThan(0.95);
    expect(settled.every(({ percents }) => (percents.P3 ?? 0) > 0 && percents.P2 === undefined)).toBe(true);
    // What is not of that class fills the servers: nothing of it passes any more.
    plant.offered = { P2: 0.9 * capacity, P3: 1.5 * capacity };
    const crowded = seconds(plant, 120 + 4 * requestSec).slice(-30);
    expect(crowded.every(({ percents }) => (percents.P3 ?? 0) >= 85)).toBe(true);
    plant.offered = { P2: 0.2 * capacity, P3: 0.2 * capacity };
    expect(seconds(plant, 60 + 2 * requestSec).at(-1)).toMatchObject({ level: 0, percents: {} });
  });

  it('goes on with what is shed of a class when the window opens', () => {
    const closed = { ...LADDER, early: 1 };
    const open = { ...LADDER, rungs: LADDER.rungs.slice(1) };
    const load = loadOf({ inFlight: 200, issued: 200 });
    let state: OverloadState | undefined;
    const step = (ladder: Ladder, elapsedSec: number): OverloadState =>
      stepOverload(state, { nowMs: 1, elapsedSec, load, endpoints: [ENDPOINT], ladder });
    for (let second = 0; second < 30; second += 1) state = step(closed, 1);
    expect(state?.percents).toMatchObject({ P3: 100 });
    // In no time: what was shed of P3 is no effort on a ladder without it.
    expect(step(open, 0).percents.P2).toBe(state?.percents.P2);
    expect(step(open, 0).percents.P3).toBeUndefined();
  });

  it('does nothing below the knee', () => {
    const plant = overloaded(0.6, 8, { P3: 0.4, P2: 0.6 });
    expect(seconds(plant, 300).every(({ level }) => level === 0)).toBe(true);
  });

  it('spares a class until the one before it is shed as far as may be', () => {
    const second = fc.record({
      inFlight: fc.double({ min: 0, max: 1000, noNaN: true }),
      issued: fc.double({ min: 0, max: 1000, noNaN: true }),
      elapsedSec: fc.constantFrom(0, 0.3, 1, 4, 600),
      requestTimeSec: fc.integer({ min: 1, max: 60 }),
      loadReports: fc.constantFrom('Fresh', 'Fresh', 'Fresh', 'Silent'),
    });
    const ratio = fc.constantFrom(0.1, 0.5, 0.9, 1);
    fc.assert(
      fc.property(fc.array(second, { minLength: 1, maxLength: 40 }), ratio, ratio, (all, first, next) => {
        const ladder = {
          ...LADDER,
          rungs: [
            { class: 'P3', upToRatio: first },
            { class: 'P2', upToRatio: next },
          ],
        };
        let state: OverloadState | undefined;
        for (const { elapsedSec, ...given } of all) {
          const load = loadOf(given as Parameters<typeof loadOf>[0]);
          state = stepOverload(state, { nowMs: 1, elapsedSec, load, endpoints: [ENDPOINT], ladder });
          const { P3 = 0, P2 = 0 } = state.percents;
          expect(P3).toBeLessThanOrEqual(100 * first);
          expect(P2).toBeLessThanOrEqual(100 * next);
          if (P2 > 0) expect(P3).toBe(100 * first);
          expect(Number.isFinite(state.effort + state.passRatio + state.completedPerSec)).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('holds what it sheds while nobody reports, as long as sidecars would, and then lets go', () => {
    const plant = overloaded(5, 8, { P2: 1 });
    let state = seconds(plant, 60).at(-1);
    const held = state?.percents;
    expect(held).not.toEqual({});
    const step = (): OverloadState => {
      const load = loadOf({ loadReports: 'Silent' });
      state = stepOverload(state, { nowMs: 1, elapsedSec: 1, load, endpoints: [ENDPOINT], ladder: LADDER });
      return state;
    };
    for (let second = 1; second <= 15; second += 1)
      expect(step()).toMatchObject({
        percents: held,
        saturation: null,
        words: 'no sidecar reports what it has in flight',
      });
    for (let second = 1; second <= 10; second += 1) step();
    expect(state?.percents).toEqual({});
  });

  it('never begins while nothing is known', () => {
    let state: OverloadState | undefined;
    for (let second = 0; second < 30; second += 1) {
      const load = loadOf({ inFlight: 1000, issued: 500, slotsKnown: false });
      state = stepOverload(state, { nowMs: 1, elapsedSec: 1, load, endpoints: [ENDPOINT], ladder: LADDER });
    }
    expect(state).toMatchObject({ saturation: null, level: 0, active: false });
    expect(state?.words).toContain('neither told (maxRunningRequests) nor learned');
  });

  it('goes on after a restart where it stood', () => {
    const plant = overloaded(5, 8, { P2: 1 });
    const before = seconds(plant, 60).at(-1);
    plant.state = JSON.parse(JSON.stringify(before)) as OverloadState;
    expect(plant.second().level).toBe(before?.level);
  });

  it('goes on where it stood after minutes away, and begins anew after more', () => {
    const stored = seconds(overloaded(5, 8, { P2: 1 }), 60).at(-1);
    const back = (elapsedSec: number, load: ReturnType<typeof loadOf>) =>
      stepOverload(stored, { nowMs: 1, elapsedSec, load, endpoints: [ENDPOINT], ladder: LADDER });
    for (const load of [loadOf({ loadReports: 'Silent' }), loadOf({ inFlight: 10, issued: 10 })]) {
      for (const sec of [14, 120]) expect(back(sec, load).percents).not.toEqual({});
      expect(back(3600, load)).toMatchObject({ percents: {}, effort: 0, passRatio: 1 });
    }
    // The timeline hears that it is over.
    expect([stored?.told, back(3600, loadOf({})).told]).toEqual([2, 0]);
  });
});
