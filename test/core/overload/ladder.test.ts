import { describe, expect, it } from 'vitest';
import { type Ladder, reachOf, shedAt } from '../../../src/core/overload/ladder.ts';

const of = (...rungs: readonly (readonly [string, number])[]): Ladder => ({
  rungs: rungs.map(([name, upToRatio]) => ({ class: name, upToRatio })),
  early: 0,
  enterAt: 1,
  leaveAt: 0.8,
});

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
});
