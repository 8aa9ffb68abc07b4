import { describe, expect, it } from 'vitest';
import { proportionalGain } from '../../../src/core/weights/gain.ts';
import { belief, beliefs } from './beliefs.ts';

const load = (over: Parameters<typeof beliefs>[1]) => beliefs([belief(0)], { meanInFlightPerSidecar: 0, ...over });

describe('the gain', () => {
  it('is 0.35 S / (delay + tick + 0.5), the delay of load reports being 1 s', () => {
    expect(proportionalGain(load({ requestTimeSec: 5, engineDelaySec: 30 }), false, 1)).toBeCloseTo(0.7, 12);
    expect(proportionalGain(load({ requestTimeSec: 5 }), false, 2)).toBeCloseTo(0.5, 12);
  });

  it('is 2 at most', () => {
    expect(proportionalGain(load({ requestTimeSec: 60 }), false, 1)).toBe(2);
  });

  it('takes the delay of the engine where there are no load reports, but never less than theirs', () => {
    const silent = (engineDelaySec: number) =>
      proportionalGain(load({ requestTimeSec: 5, loadReports: 'Silent', engineDelaySec }), false, 1);
    expect(silent(2)).toBeCloseTo(0.5, 12);
    expect(silent(0.1)).toBeCloseTo(0.7, 12);
  });

  it('counts with the delay that was measured, a second at least, and never rises with it', () => {
    const measured = (sec: number) => proportionalGain(load({ requestTimeSec: 5 }), false, 1, sec);
    expect(measured(0.6)).toBeCloseTo(0.7, 12);
    expect(measured(2)).toBeCloseTo(0.5, 12);
    const gains = [0, 0.5, 1, 1.1, 2, 5, 10, 20, 40, 400].map(measured);
    expect(gains).toEqual(gains.toSorted((a, b) => b - a));
    // Engines alone: their age is measured where it is believed.
    const silent = load({ requestTimeSec: 5, loadReports: 'Silent', engineDelaySec: 2 });
    expect(proportionalGain(silent, false, 1, 30)).toBeCloseTo(0.5, 12);
  });

  it('is divided by what least request balances by itself', () => {
    const busy = load({ requestTimeSec: 5, meanInFlightPerSidecar: 3 });
    expect(proportionalGain(busy, true, 1)).toBeCloseTo(0.7 / 4, 12);
    expect(proportionalGain(busy, false, 1)).toBeCloseTo(0.7, 12);
  });

  it('is careful in the first 20 s: requests of 3 s, and at least two in flight', () => {
    const young = (ageSec: number, meanInFlightPerSidecar: number, requestTimeSec = 60) =>
      proportionalGain(load({ requestTimeSec, ageSec, meanInFlightPerSidecar }), true, 1);
    expect(young(19.9, 0)).toBeCloseTo(0.42 / 3, 12);
    expect(young(19.9, 5)).toBeCloseTo(0.42 / 6, 12);
    expect(young(20, 0)).toBe(2);
    expect(young(5, 0, 1)).toBeCloseTo(0.14, 12);
    expect(young(5, 1, 1)).toBeCloseTo(0.07, 12);
  });
});
