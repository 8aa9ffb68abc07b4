import { describe, expect, it } from 'vitest';
import { changeOf, type Trend, trendOf } from '../../../bench/soak/trend.ts';
import { seededRandom } from '../../../src/base/units/index.ts';

const SAMPLE_MS = 5000;
const TOLERANCE = { ratio: 0.05, amount: 2 };

/** An hour of samples. */
function trend(valueAt: (hour: number) => number): Trend {
  const atMs = Array.from({ length: 720 }, (_, at) => at * SAMPLE_MS);
  const values = atMs.map((ms) => valueAt(ms / 3_600_000));
  return trendOf({ name: 'heap', unit: 'MiB', atMs, values }, TOLERANCE);
}

describe('the trend of a soak', () => {
  it('finds a slope, and calls it a leak where it is beyond chance and matters', () => {
    const random = seededRandom(1);
    const leaking = trend((hour) => 50 + 12 * hour + 4 * (random() - 0.5));
    expect(leaking.verdict).toBe('LEAK');
    expect(leaking.perHour).toBeCloseTo(12, 0);
    expect(leaking.growth).toBeCloseTo(8, 0);
  });

  it('does not look at the warm-up', () => {
    expect(trend((hour) => (hour < 0.3 ? 20 + 200 * hour : 80))).toMatchObject({ verdict: 'steady', perHour: 0 });
  });

  it('calls steady what grows less than is allowed, and what only scatters', () => {
    const random = seededRandom(2);
    expect(trend((hour) => 50 + 2 * hour).verdict).toBe('steady');
    expect(trend(() => 50 + 40 * (random() - 0.5)).verdict).toBe('steady');
    expect(trend((hour) => 50 - 30 * hour).verdict).toBe('steady');
    expect(trend(() => 0)).toMatchObject({ verdict: 'steady', mean: 0, perHour: 0 });
  });

  it('of two looks is the difference between them', () => {
    const looks = { name: 'timers', unit: 'alive', first: 10, last: 16, hours: 2 };
    expect(changeOf(looks, { ratio: 0.1, amount: 5 })).toMatchObject({
      mean: 13,
      perHour: 3,
      growth: 6,
      verdict: 'LEAK',
    });
    expect(changeOf(looks, { ratio: 0.5, amount: 5 }).verdict).toBe('steady');
  });

  it('says so when there is too little to look at', () => {
    const short = { name: 'heap', unit: 'MiB', atMs: [0, 5000], values: [1, 2] };
    expect(() => trendOf(short, TOLERANCE)).toThrow('2 samples are too few');
  });
});
