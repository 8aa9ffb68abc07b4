import { describe, expect, it } from 'vitest';
import { effortFor, givenUpAt, type Ladder, orderOf, reachOf } from '../../../src/core/overload/ladder.ts';

const of = (...rungs: readonly (readonly [string, number])[]): Ladder => ({
  rungs: rungs.map(([name, upToRatio]) => ({ class: name, upToRatio })),
  early: 0,
  enterAt: 1,
  leaveAt: 0.8,
});

/** Without what goes elsewhere, where nothing does. */
function shedAt(ladder: Ladder, effort: number) {
  const { degrades, ...rest } = givenUpAt(ladder, effort);
  expect(degrades).toEqual({});
  return rest;
}

describe('the effort of a ladder', () => {
  const ladder = of(['P3', 1], ['P2', 0.5], ['P1', 1]);

  it('is used on one class after the other, each as far as it may', () => {
    expect(shedAt(ladder, 0)).toEqual({ percents: {}, level: 0 });
    expect(shedAt(ladder, Math.log(2))).toEqual({ percents: { P3: 50 }, level: 1 });
    expect(shedAt(ladder, Math.log(10))).toEqual({ percents: { P3: 90 }, level: 1 });
    expect(shedAt(ladder, 3.5)).toEqual({ percents: { P3: 100 }, level: 1 });
    expect(shedAt(ladder, 3.5 + Math.log(2))).toEqual({ percents: { P3: 100, P2: 50 }, level: 2 });
    expect(shedAt(ladder, 3.5 + 2 * Math.log(2))).toEqual({ percents: { P3: 100, P2: 50, P1: 50 }, level: 3 });
    expect(shedAt(ladder, reachOf(ladder))).toEqual({ percents: { P3: 100, P2: 50, P1: 100 }, level: 3 });
  });

  it('goes on with a class where an earlier rung left it', () => {
    const twice = of(['P3', 0.5], ['P2', 1], ['P3', 1]);
    expect(shedAt(twice, Math.log(2) + 3.5)).toEqual({ percents: { P3: 50, P2: 100 }, level: 2 });
    expect(shedAt(twice, reachOf(twice))).toEqual({ percents: { P3: 100, P2: 100 }, level: 3 });
  });

  it('has no reach without rungs, or with rungs that shed nothing', () => {
    expect(reachOf(of())).toBe(0);
    expect(reachOf(of(['P3', 0]))).toBe(0);
  });

  it('moves a class to a pool on rungs that say so, of what is not shed of it', () => {
    const rungs = [
      { class: 'P3', upToRatio: 1 },
      { class: 'P1', upToRatio: 0.5, toPool: 'standby' },
      { class: 'P1', upToRatio: 0.2 },
    ];
    const both = { ...ladder, rungs };
    expect(givenUpAt(both, 3.5 + Math.log(1.25))).toEqual({
      percents: { P3: 100 },
      degrades: { P1: { toPool: 'standby', percent: 20 } },
      level: 2,
    });
    // Four fifths of the half that stays is not shed: the efforts of both add up to what reaches the other pools.
    const all = { percents: { P3: 100, P1: 20 }, degrades: { P1: { toPool: 'standby', percent: 50 } }, level: 3 };
    expect(givenUpAt(both, reachOf(both))).toEqual(all);
    expect(reachOf(both)).toBeCloseTo(3.5 - Math.log(0.5 * 0.8), 9);
    expect(effortFor(both, all)).toBeCloseTo(reachOf(both), 9);
    // To a pool of another name nothing goes yet.
    const elsewhere = { ...both, rungs: rungs.map((rung) => (rung.toPool ? { ...rung, toPool: 'other' } : rung)) };
    expect(effortFor(elsewhere, all)).toBeCloseTo(3.5 - Math.log(0.8), 9);
    expect(orderOf(elsewhere)).not.toBe(orderOf(both));
  });
});
