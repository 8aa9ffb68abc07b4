import { describe, expect, it } from 'vitest';
import { healthFactor, rampFactor } from '../../../src/core/weights/health.ts';
import { belief } from './beliefs.ts';

const failing = (errorRatio: number) => belief(0, { errorRatio });

describe('health', () => {
  it('falls as 1/(1+4r) up to a fifth of errors, and as 0.2 (1-r)² beyond, to 0.02 at least', () => {
    expect(healthFactor(failing(0), 0)).toBe(1);
    expect(healthFactor(failing(0.1), 0)).toBeCloseTo(1 / 1.4, 12);
    expect(healthFactor(failing(0.2), 0)).toBeCloseTo(1 / 1.8, 12);
    expect(healthFactor(failing(0.21), 0)).toBeCloseTo(0.2 * 0.79 ** 2, 12);
    expect(healthFactor(failing(0.5), 0)).toBeCloseTo(0.05, 12);
    expect(healthFactor(failing(0.9), 0)).toBe(0.02);
  });

  it('leaves its working part to a sick endpoint as the pressure of the rest goes from 0.75 to 1', () => {
    expect(healthFactor(failing(0.5), 0.75)).toBeCloseTo(0.05, 12);
    expect(healthFactor(failing(0.5), 0.85)).toBeCloseTo(0.5 * 0.4, 12);
    expect(healthFactor(failing(0.5), 1)).toBeCloseTo(0.5, 12);
    expect(healthFactor(failing(0.5), 3)).toBeCloseTo(0.5, 12);
    expect(healthFactor(failing(0.1), 3)).toBeCloseTo(0.9, 12);
  });
});

describe('the ramp', () => {
  it('is a tenth while nothing was completed, then grows over the warm-up', () => {
    expect(rampFactor(belief(0, { waiting1st: true }), 30_000, 0.4)).toBe(0.1);
    expect(rampFactor(belief(0, { waiting1st: true, rampAgeSec: 20 }), 30_000, 0.4)).toBe(0.1);
    expect(rampFactor(belief(0, { rampAgeSec: 0 }), 30_000, 0.4)).toBe(0.1);
    expect(rampFactor(belief(0, { rampAgeSec: 15 }), 30_000, 0.4)).toBe(0.5);
    expect(rampFactor(belief(0, { rampAgeSec: 45 }), 30_000, 0.4)).toBe(1);
  });

  it('gives way as the others run out of room, but not to who has completed nothing', () => {
    expect(rampFactor(belief(0, { rampAgeSec: 3 }), 30_000, 0.65)).toBe(0.1);
    expect(rampFactor(belief(0, { rampAgeSec: 3 }), 30_000, 0.75)).toBeCloseTo(0.4, 12);
    expect(rampFactor(belief(0, { rampAgeSec: 3 }), 30_000, 0.9)).toBeCloseTo(1, 12);
    expect(rampFactor(belief(0, { waiting1st: true }), 30_000, 3)).toBe(0.1);
  });

  it('is whole for who was there before, and where the policy wants none', () => {
    expect(rampFactor(belief(0), 30_000, 0.4)).toBe(1);
    expect(rampFactor(belief(0, { waiting1st: true }), 0, 0.4)).toBe(1);
  });
});
