import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DelayMeter } from '../../../../src/edge/signals/sources/push/delay-meter.ts';

describe('the delay of a message', () => {
  it('is what it took longer than the quickest, whatever the clocks show', () => {
    const meter = new DelayMeter();
    expect(meter.extraMs(1_000_000, 40)).toBe(0);
    expect(meter.extraMs(1_001_000, 1140)).toBe(100);
    expect(meter.extraMs(1_002_000, 2030)).toBe(0);
    expect(meter.extraMs(1_003_000, 3040)).toBe(10);
  });

  it('of what a stalled connection hands over at once is its whole wait', () => {
    const meter = new DelayMeter();
    for (let sec = 0; sec < 5; sec++) meter.extraMs(sec * 1000, sec * 1000 + 3);
    expect([5, 6, 7, 8].map((sec) => meter.extraMs(sec * 1000, 12_003))).toEqual([7000, 6000, 5000, 4000]);
  });

  it('follows clocks that drift apart: after a day at 100 ppm it is some milliseconds, not seconds', () => {
    const meter = new DelayMeter();
    let worst = 0;
    for (let sec = 0; sec < 86_400; sec++) worst = Math.max(worst, meter.extraMs(sec * 1000, sec * 1000 * 1.0001));
    expect(worst).toBeLessThan(7);
    expect(worst).toBeGreaterThan(0);
  });

  it('is never below 0', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5000), fc.nat(5000)), { maxLength: 60 }), (steps) => {
        const meter = new DelayMeter();
        let [sent, received] = [0, 0];
        for (const [a, b] of steps) {
          sent += a;
          received += b;
          expect(meter.extraMs(sent, received)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
