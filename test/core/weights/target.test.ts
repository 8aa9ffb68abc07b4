import { describe, expect, it } from 'vitest';
import type { EndpointLoad } from '../../../src/core/load/index.ts';
import { preferences } from '../../../src/core/weights/preference.ts';
import { deviations, standingOf, type TargetOptions, targets } from '../../../src/core/weights/target.ts';
import { belief, beliefs } from './beliefs.ts';

const ROUND_ROBIN: TargetOptions = { leastRequest: false, maxWeightRatio: 100, warmupMs: 30_000 };
const LEAST_REQUEST: TargetOptions = { ...ROUND_ROBIN, leastRequest: true };

function aim(
  loads: readonly EndpointLoad[],
  {
    gain = 0,
    filtered = loads.map(() => 0),
    options = ROUND_ROBIN,
    over = {},
  }: {
    gain?: number;
    filtered?: readonly number[];
    options?: TargetOptions;
    over?: Parameters<typeof beliefs>[1];
  } = {},
) {
  return targets(standingOf(loads, preferences(loads), beliefs(loads, over), options), filtered, gain);
}

const deviationsOf = (loads: readonly EndpointLoad[]) => deviations(loads, preferences(loads));
const sharesOf = (all: ReturnType<typeof aim>): readonly number[] => all.map(({ share }) => share);
const close = (value: number) => expect.closeTo(value, 9);

describe('the deviation of pressure', () => {
  const pressed = (...pressures: readonly number[]) => pressures.map((pressure, i) => belief(i, { pressure }));

  it('is the log distance to the mean, 1.5 at most', () => {
    expect(deviationsOf(pressed(1, Math.E))).toEqual([close(-0.5), close(0.5)]);
    expect(deviationsOf(pressed(1, 1000))).toEqual([-1.5, 1.5]);
    expect(deviationsOf([])).toEqual([]);
  });

  it('never makes a bad endpoint look free, nor the others full', () => {
    const [bad, ...well] = pressed(0.001, 1, Math.E ** 2);
    expect(deviationsOf([{ ...bad!, bad: true }, ...well])).toEqual([close(0), close(-1), close(1)]);
  });

  it('of a bad endpoint that is full is its own', () => {
    const [bad, ...well] = pressed(Math.E ** 3, 1, 1);
    expect(deviationsOf([{ ...bad!, bad: true }, ...well])).toEqual([1.5, close(-1), close(-1)]);
  });

  it('where all are bad has no emptiness in it', () => {
    const all = pressed(1, Math.E).map((one) => ({ ...one, bad: true }));
    expect(deviationsOf(all)).toEqual([0, close(0.5)]);
  });
});

describe('the target share', () => {
  it('is the learned capacity', () => {
    const all = aim([belief(0, { logCapacity: -Math.LN2 / 2 }), belief(1, { logCapacity: Math.LN2 / 2 })]);
    expect(sharesOf(all)).toEqual([close(1 / 3), close(2 / 3)]);
    expect(all.map(({ out }) => out)).toEqual([close(-Math.LN2 / 2), close(Math.LN2 / 2)]);
    expect(all[0]!.terms).toMatchObject({ capacity: -Math.LN2 / 2, foreign: 0, ramp: 0, feedForward: 0 });
    expect(all[0]!.clamps).toEqual([]);
  });

  it('within the ratio that the policy allows', () => {
    const all = aim([belief(0, { logCapacity: -2 }), belief(1, { logCapacity: 2 }), belief(2)], {
      options: { ...ROUND_ROBIN, maxWeightRatio: 4 },
    });
    expect(all[1]!.share / all[0]!.share).toBeCloseTo(4, 9);
    expect(all.map(({ clamps }) => clamps)).toEqual([['MaxWeightRatio'], ['MaxWeightRatio'], []]);
  });

  it('moves against the deviation by the gain', () => {
    const all = aim([belief(0), belief(1)], { gain: 0.5, filtered: [Math.LN2, -Math.LN2] });
    expect(sharesOf(all)).toEqual([close(1 / 3), close(2 / 3)]);
    expect(all[0]!.terms.inFlight).toBeCloseTo(-Math.LN2 / 2, 9);
  });

  it('leaves out what foreign work takes of the usual load, to a tenth at least', () => {
    // 32 in flight on 48 slots: an even load of 16 each, of which 8 are foreign on the first.
    const half = aim([belief(0, { inFlight: 16, foreign: 8 }), belief(1, { inFlight: 16 })]);
    expect(half[0]!.terms.foreign).toBeCloseTo(Math.log(0.5), 9);
    expect(half[1]!.terms.foreign).toBe(0);
    expect(sharesOf(half)).toEqual([close(1 / 3), close(2 / 3)]);
    const all = aim([belief(0, { inFlight: 16, foreign: 100 }), belief(1, { inFlight: 16 })]);
    expect(all[0]!.terms.foreign).toBeCloseTo(Math.log(0.1), 9);
    const wide = aim([belief(0, { inFlight: 16, foreign: 8, slots: 72 }), belief(1, { inFlight: 16 })]);
    expect(wide[0]!.terms.foreign).toBeCloseTo(Math.log(1 - 8 / 24), 9);
  });

  it('sees no foreign work in the few requests that two clocks disagree about while nearly nothing is in flight', () => {
    // A load of eight wide servers has just ended: an engine page that is a moment older still shows two requests.
    const idle = Array.from({ length: 8 }, (_, i) => belief(i, { inFlight: 0, slots: 64 }));
    const [late] = aim([{ ...idle[0]!, inFlight: 2, foreign: 2 }, ...idle.slice(1)]);
    expect(late!.terms.foreign).toBeCloseTo(Math.log(0.6), 9);
  });

  it('is clamped to ±3, which is told', () => {
    const all = aim(
      [0, 1, 2].map((i) => belief(i)),
      { gain: 2, filtered: [-3, 1.5, 1.5] },
    );
    expect(all.map(({ clamps }) => clamps.includes('Clamp3'))).toEqual([true, false, false]);
    expect(Math.log(all[0]!.share / all[1]!.share)).toBeLessThanOrEqual(6 + 1e-9);
  });

  it('falls by health and ramp', () => {
    const sick = aim([belief(0, { errorRatio: 0.5, errorsPerSec: 5, rampAgeSec: 15 }), belief(1)]);
    expect(sick[0]!.factor).toBeCloseTo(0.025, 9);
    expect(sick[0]!.terms).toMatchObject({ health: close(Math.log(0.05)), ramp: close(Math.log(0.5)) });
    expect(sick[0]!.share / sick[1]!.share).toBeCloseTo(0.025, 9);
  });

  it('has its floor at 4 % of an even share, which is told', () => {
    const all = aim(
      [belief(0, { errorRatio: 1, errorsPerSec: 5, waiting1st: true }), belief(1), belief(2), belief(3)],
      {},
    );
    expect(all[0]!.share).toBeCloseTo(0.01, 12);
    expect(all.map(({ clamps }) => clamps)).toEqual([['Floor'], [], [], []]);
  });
});

describe('the feed-forward for least request', () => {
  it('is the log of what is in flight at the target, plus one', () => {
    // Two sidecars, 4 in flight per sidecar and endpoint, 24 and 72 slots: 2 and 6 at the target.
    const all = aim([belief(0), belief(1, { slots: 72 })], { options: LEAST_REQUEST });
    expect(all.map(({ terms }) => terms.feedForward)).toEqual([close(Math.log(3)), close(Math.log(7))]);
    expect(all[1]!.out - all[0]!.out).toBeCloseTo(Math.log(7 / 3), 9);
    expect(sharesOf(all)).toEqual([close(0.5), close(0.5)]);
  });

  it('follows health and ramp', () => {
    const all = aim([belief(0, { rampAgeSec: 15 }), belief(1, { slots: 36 })], { options: LEAST_REQUEST });
    expect(all.map(({ terms }) => terms.feedForward)).toEqual([close(Math.log(3)), close(Math.log(7))]);
  });

  it('leaves out foreign work, which least request does not see, but a tenth of the target', () => {
    // 8 + 2 per sidecar: 5 each at the target, of which 2 are foreign on the first.
    const all = aim([belief(0, { foreign: 4, inFlight: 12, inFlightPerSidecar: 4 }), belief(1)], {
      options: LEAST_REQUEST,
    });
    expect(all.map(({ terms }) => terms.feedForward)).toEqual([close(Math.log(4)), close(Math.log(6))]);
    const much = aim([belief(0, { foreign: 80, inFlight: 88, inFlightPerSidecar: 4 }), belief(1)], {
      options: LEAST_REQUEST,
    });
    expect(much[0]!.terms.feedForward).toBeCloseTo(Math.log(3.4), 9);
  });

  it('counts one sidecar where none is known', () => {
    const all = aim([belief(0, { foreign: 4, inFlightPerSidecar: 4 }), belief(1)], {
      options: LEAST_REQUEST,
      over: { sidecars: 0 },
    });
    expect(all[1]!.terms.feedForward).toBeCloseTo(Math.log(7), 9);
  });
});
