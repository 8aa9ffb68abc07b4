import { describe, expect, it } from 'vitest';
import { type SharePoint, timeToShift } from '../../../src/lab/demo/time-to-shift.ts';

const window = { stepAtMs: 60_000, endAtMs: 120_000 };

/** A point each 500 ms over three minutes. */
function series(shareAt: (tMs: number) => number): SharePoint[] {
  return Array.from({ length: 360 }, (_, index) => ({ tMs: index * 500, share: shareAt(index * 500) }));
}

describe('time to shift', () => {
  it('of a straight ramp is where the ramp passes the half and the nine tenths', () => {
    const ramp = series((tMs) => 0.2 - 0.1 * Math.min(1, Math.max(0, (tMs - 60_000) / 10_000)));
    expect(timeToShift(ramp, window)).toEqual({
      before: expect.closeTo(0.2, 9),
      final: expect.closeTo(0.1, 9),
      t50Ms: 5000,
      t90Ms: 9000,
    });
  });

  it('of an exponential is its half-life and a little more than three of them', () => {
    const decay = series((tMs) => (tMs < 60_000 ? 0.2 : 0.1 + 0.1 * Math.exp(-(tMs - 60_000) / 4000)));
    const { t50Ms, t90Ms } = timeToShift(decay, window);
    expect(t50Ms).toBe(3000); // ln 2 · 4 s = 2.8 s, at the next sample
    expect(t90Ms).toBe(9500); // ln 10 · 4 s = 9.2 s
  });

  it('does not count a sample that went there and came back', () => {
    const spike = series((tMs) => (tMs < 60_000 ? 0.2 : tMs === 61_000 ? 0 : tMs < 70_000 ? 0.2 : 0.1));
    expect(timeToShift(spike, window)).toMatchObject({ t50Ms: 10_000, t90Ms: 10_000 });
  });

  it('measures growth as well as loss, and takes overshoot as made', () => {
    const grow = series((tMs) => (tMs < 62_000 ? 0.1 : tMs < 80_000 ? 0.3 : 0.2));
    expect(timeToShift(grow, window)).toMatchObject({ t50Ms: 2000, t90Ms: 2000 });
  });

  it('has no times when nothing moved, when nothing was seen, and when the move was never made for good', () => {
    expect(
      timeToShift(
        series(() => 0.125),
        window,
      ),
    ).toMatchObject({ t50Ms: undefined, t90Ms: undefined });
    expect(timeToShift([], window)).toEqual({
      before: undefined,
      final: undefined,
      t50Ms: undefined,
      t90Ms: undefined,
    });
    expect(
      timeToShift(
        series((tMs) => (tMs < 60_000 ? 0.2 : 0.195)),
        window,
      ).t50Ms,
    ).toBeUndefined();
  });

  it('does not read what happened after the recovery', () => {
    const late = series((tMs) => (tMs < 120_000 ? 0.2 : 0.1));
    expect(timeToShift(late, window).t50Ms).toBeUndefined();
  });
});
