import { describe, expect, it } from 'vitest';
import { recentre, sharesOf, toGrid } from '../../../src/core/weights/grid.ts';

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe('shares', () => {
  it('are the proportions of what the logs stand for, however large these are', () => {
    expect(sharesOf([0, Math.log(3)], 0)).toEqual([expect.closeTo(0.25, 12), expect.closeTo(0.75, 12)]);
    expect(sharesOf([800, 800 + Math.log(3)], 0)).toEqual([expect.closeTo(0.25, 12), expect.closeTo(0.75, 12)]);
    expect(sharesOf([-800, -800], 0.01)).toEqual([0.5, 0.5]);
  });

  it('have a floor that the others pay for in proportion, down to who falls below it by paying', () => {
    expect(sharesOf([Math.log(0.001), Math.log(0.333), Math.log(0.666)], 0.04)).toEqual([
      0.04,
      expect.closeTo(0.32, 12),
      expect.closeTo(0.64, 12),
    ]);
    const tight = sharesOf([0.001, 0.0401, 0.9589].map(Math.log), 0.04);
    expect(tight.slice(0, 2)).toEqual([0.04, 0.04]);
    expect(sum(tight)).toBeCloseTo(1, 12);
  });

  it('are even where the floor is an even share', () => {
    expect(sharesOf([0, 5], 0.5)).toEqual([0.5, 0.5]);
  });
});

describe('the grid', () => {
  it('has steps of 5 % below 1000, and ends at 1', () => {
    expect(toGrid([0, -0.05, -0.1, -0.024, -0.026])).toEqual([1000, 951, 905, 1000, 951]);
    expect(toGrid([3, 3 - Math.LN2])).toEqual([1000, 497]);
    expect(toGrid([0, -20])).toEqual([1000, 1]);
  });

  it('does not know where the mean of the logs is', () => {
    expect(toGrid([7, 6.5])).toEqual(toGrid([0, -0.5]));
    expect(recentre([1, 2, 6])).toEqual([-2, -1, 3]);
    expect(recentre([])).toEqual([]);
  });
});
