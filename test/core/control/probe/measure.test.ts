import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/base/units/index.ts';
import { measureProbe, neededRequests, type ProbeMoment } from '../../../../src/core/control/probe/measure.ts';

const START = 1_800_000_000_000;
const HOLD = 30;
const WATCH = 5;

/** One probe of an endpoint with a share, in a world whose delay and gain are known; a request is drawn, not expected. */
function probe(world: {
  readonly seed: number;
  readonly share?: number;
  readonly step?: number;
  readonly perSec?: number;
  readonly gain?: number;
  readonly delaySec?: number;
}): readonly ProbeMoment[] {
  const { seed, share = 0.25, step = 0.2, perSec = 100, gain = 1, delaySec = 1 } = world;
  const random = seededRandom(seed);
  const base = Math.log(share / (1 - share));
  const moved = (sec: number): number =>
    sec < WATCH || sec >= WATCH + 2 * HOLD ? 0 : (sec < WATCH + HOLD ? 1 : -1) * Math.log(1 + step);
  return Array.from({ length: 2 * (HOLD + WATCH) + 1 }, (_, at) => {
    let issued = 0;
    for (let i = 0; i < perSec; i++) {
      const pickedSec = at - 1 + i / perSec - delaySec;
      if (random() < 1 / (1 + Math.exp(-(base + gain * moved(pickedSec))))) issued += 1;
    }
    return { atMs: START + at * 1000, issued, all: perSec, logOdds: base + moved(at), inFlightPerSidecar: 1 };
  });
}

describe('what a probe measures', () => {
  it('finds the delay and the gain of the world, within its intervals', () => {
    const seeds = Array.from({ length: 40 }, (_, at) => at + 1);
    for (const [delaySec, gain] of [
      [1, 1],
      [4, 0.6],
    ] as const) {
      const found = seeds.map((seed) => measureProbe(probe({ seed, delaySec, gain }), true)!);
      const within = (of: (one: (typeof found)[number]) => boolean) => found.filter(of).length;
      // 95 of 100 each; of 40, 35 or more in all but 3 of 100 draws of seeds, and these are drawn once.
      expect(within((one) => one.gain.low <= gain && gain <= one.gain.high)).toBeGreaterThanOrEqual(36);
      expect(within((one) => one.delaySec.low <= delaySec && delaySec <= one.delaySec.high)).toBeGreaterThanOrEqual(33);
      const mean = found.reduce((sum, one) => sum + one.gain.value, 0) / found.length;
      expect(Math.abs(mean - gain)).toBeLessThan(0.1);
    }
  });

  it('does not claim to see what is not there', () => {
    const seeds = Array.from({ length: 40 }, (_, at) => at + 1);
    const seen = seeds.filter((seed) => measureProbe(probe({ seed, gain: 0 }), true)!.gain.low > 0);
    expect(seen.length).toBeLessThanOrEqual(4);
  });

  it('widens its interval where counts are wilder than chance', () => {
    const calm = probe({ seed: 3 });
    const wild = calm.map((one, at) => ({ ...one, issued: Math.min(one.all, one.issued + (at % 2 === 0 ? 12 : -12)) }));
    const width = (of: readonly ProbeMoment[]) => {
      const { gain } = measureProbe(of, true)!;
      return gain.high - gain.low;
    };
    expect(width(wild)).toBeGreaterThan(2 * width(calm));
  });

  it('says nothing of a weight that never moved, or of requests that were none', () => {
    const still = probe({ seed: 1 }).map((one) => ({ ...one, logOdds: -1 }));
    expect(measureProbe(still, true)).toBeUndefined();
    expect(
      measureProbe(
        still.map((one) => ({ ...one, issued: 0, all: 0 })),
        true,
      ),
    ).toBeUndefined();
    expect(measureProbe([], true)).toBeUndefined();
  });

  it('expects of least_request what its divisor leaves, and of others all of it', () => {
    const busy = probe({ seed: 1 }).map((one) => ({ ...one, inFlightPerSidecar: 3 }));
    expect(measureProbe(busy, true)!.expectedGain).toBeCloseTo(4 / 7, 12);
    expect(measureProbe(busy, false)!.expectedGain).toBe(1);
  });
});

describe('the requests that a step takes', () => {
  it('make the half width of the interval 0.7 of the gain, whatever the share and the step', () => {
    for (const { share, step, perSec } of [
      { share: 0.25, step: 0.2, perSec: 65 },
      { share: 0.5, step: 0.1, perSec: 176 },
    ]) {
      expect(Math.abs(neededRequests(share, step, 5 / 7) / (2 * HOLD * perSec) - 1)).toBeLessThan(0.05);
      const { gain } = measureProbe(probe({ seed: 7, share, step, perSec }), false)!;
      expect((gain.high - gain.low) / 2).toBeGreaterThan(0.4);
      expect((gain.high - gain.low) / 2).toBeLessThan(0.6);
    }
  });

  it('are more where the balancer gives less', () => {
    expect(neededRequests(0.25, 0.2, 0.5)).toBeCloseTo(4 * neededRequests(0.25, 0.2, 1), -2);
  });

  it('are more for a smaller step, and endless for who gets nothing or all', () => {
    expect(neededRequests(0.25, 0.05, 1)).toBeGreaterThan(10 * neededRequests(0.25, 0.2, 1));
    expect([0, 1].map((share) => neededRequests(share, 0.2, 1))).toEqual([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
  });
});
