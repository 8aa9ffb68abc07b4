import { describe, expect, it } from 'vitest';
import { type LaneSample, LaneSamples } from '../../../src/lab/demo/lane-samples.ts';

function samples(...rows: (Partial<LaneSample> & { tMs: number })[]): LaneSamples {
  const all = new LaneSamples();
  for (const row of rows) {
    all.add({ weightShares: [0.5, 0.5], weights: [1, 1], issuedTotals: [0, 0], inFlight: [0, 0], ...row });
  }
  return all;
}

describe('the samples of a lane', () => {
  it('give issued shares over the last three seconds', () => {
    const all = samples(
      { tMs: 0, issuedTotals: [100, 0] },
      { tMs: 1000, issuedTotals: [110, 10] },
      { tMs: 2000, issuedTotals: [110, 20] },
      { tMs: 3000, issuedTotals: [120, 60] },
      { tMs: 4000, issuedTotals: [120, 60] },
    );
    expect(all.issuedSharesAt(3)).toEqual([0.25, 0.75]); // 20 and 60 since t = 0
    expect(all.issuedSharesAt(4)).toEqual([1 / 6, 5 / 6]); // 10 and 50 since t = 1 s
    expect(all.issuedSharesAt(0)).toBeUndefined();
    expect(all.issuedSharesAt(9)).toBeUndefined();
    expect(all.issuedSharesOf(1).map(({ tMs }) => tMs)).toEqual([1000, 2000, 3000, 4000]);
  });

  it('give one row a second, whatever the pace of asking', () => {
    const all = samples(
      ...Array.from({ length: 11 }, (_, index) => ({ tMs: -1000 + index * 400, weights: [index, 1] })),
    );
    const rows = all.eachSecond((index) => all.all[index]?.weights);
    expect(rows.map(([tMs]) => tMs)).toEqual([-1000, 200, 1000, 2200, 3000]);
    expect(rows.every((row) => row.length === 3)).toBe(true);
  });

  it('leave out seconds in which there is nothing to say', () => {
    const all = samples({ tMs: 0 }, { tMs: 1000 }, { tMs: 2000, issuedTotals: [3, 1] });
    expect(all.eachSecond((index) => all.issuedSharesAt(index))).toEqual([[2000, 0.75, 0.25]]);
  });

  it('see imbalance in filled batches, not in requests', () => {
    const all = samples(
      { tMs: 0, inFlight: [40, 10] }, // 0.5 and 0.5 of the slots
      { tMs: 1000, inFlight: [0, 0] }, // nothing to balance
      { tMs: 2000, inFlight: [20, 20] }, // 0.25 and 1
      { tMs: 9000, inFlight: [80, 0] }, // later
    );
    expect(all.imbalance([80, 20], 0, 3000)).toBeCloseTo((1 + 1 / 0.625) / 2, 9);
    expect(all.imbalance([80, 20], 1000, 2000)).toBeUndefined();
  });
});
