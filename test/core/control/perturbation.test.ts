import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factorAt, type Perturbation, perturbed } from '../../../src/core/control/perturbation.ts';
import type { ServiceDecision } from '../../../src/core/weights/index.ts';
import { belief, beliefs, endpoints, hold, run } from '../weights/beliefs.ts';

const START = 1_800_000_000_000;
const [FIRST] = endpoints(4);
const PROBE: Perturbation = {
  kind: 'Probe',
  service: 'chat',
  endpoint: FIRST!.id,
  stepRatio: 0.2,
  startAtMs: START,
  holdMs: 30_000,
  reason: 'Tuesday check',
};

function decided(weights: readonly number[]): ServiceDecision {
  const step = run(hold(beliefs(weights.map((_, i) => belief(i))), 1))[0]!;
  return {
    ...step.decision,
    endpoints: step.decision.endpoints.map((one, i) => ({
      ...one,
      weight: weights[i] as number,
      previousWeight: weights[i] as number,
    })),
  };
}

const weightsOf = ({ endpoints: all }: ServiceDecision) => all.map(({ weight }) => weight);

describe('a perturbation', () => {
  it('is up for one hold, down for another, and then nothing', () => {
    const at = (sec: number) => factorAt(PROBE, START + sec * 1000);
    expect([-1, 0, 29.9, 30, 59.9, 60, 1e6].map(at)).toEqual([1, 1.2, 1.2, 1 / 1.2, 1 / 1.2, 1, 1]);
  });

  it('moves one weight against the others, within 1..1000, and says so', () => {
    const up = perturbed(decided([1000, 1000, 1000, 500]), [PROBE], START, undefined);
    expect(weightsOf(up)).toEqual([1000, 833, 833, 417]);
    expect(up).toMatchObject({ equal: false, perturbed: true });
    expect(up.endpoints[0]?.clamps).toContain('Probe');
    expect(up.endpoints[0]?.probe).toContain('a probe multiplies its weight by 1.20 for now (Tuesday check)');
    expect(weightsOf(perturbed(decided([1000, 1000, 1000, 500]), [PROBE], START + 30_000, up))).toEqual([
      833, 1000, 1000, 500,
    ]);
  });

  it('leaves no trace: without it, or at its end, the weights are the law’s', () => {
    const plain = decided([1000, 1000, 800, 500]);
    const up = perturbed(plain, [PROBE], START, undefined);
    for (const back of [perturbed(plain, [], START + 1000, up), perturbed(plain, [PROBE], START + 60_000, up)]) {
      expect(weightsOf(back)).toEqual(weightsOf(plain));
      expect(back.perturbed).toBeUndefined();
      // What went out last, so that this tick counts as a push.
      expect(back.endpoints.map(({ previousWeight }) => previousWeight)).toEqual(weightsOf(up));
    }
    expect(perturbed(plain, [], START, plain)).toBe(plain);
  });

  it('is about its own service alone', () => {
    const plain = decided([1000, 900]);
    expect(perturbed(plain, [{ ...PROBE, service: 'embed' }], START, undefined)).toBe(plain);
    expect(
      perturbed(plain, [{ ...PROBE, endpoint: 'chat/gpu/10.9.9.9:1' }], START, undefined).perturbed,
    ).toBeUndefined();
  });

  it('never leaves 1..1000, and moves the ratio to the others by its step as far as integers can', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 2, maxLength: 8 }),
        fc.double({ min: 0.01, max: 0.2, noNaN: true }),
        fc.boolean(),
        (weights, stepRatio, down) => {
          const plain = decided(weights);
          const probe = { ...PROBE, stepRatio };
          const now = START + (down ? probe.holdMs : 0);
          const moved = weightsOf(perturbed(plain, [probe], now, undefined));
          for (const weight of moved) {
            expect(Number.isInteger(weight)).toBe(true);
            expect(weight).toBeGreaterThanOrEqual(1);
            expect(weight).toBeLessThanOrEqual(1000);
          }
          const most = Math.max(...weights);
          const raw = weights.map((weight, i) => weight * (i === 0 ? factorAt(probe, now) : 1));
          const scale = most / Math.max(...raw);
          moved.forEach((weight, i) => {
            expect(Math.abs(weight - (raw[i] as number) * scale)).toBeLessThanOrEqual(1);
          });
        },
      ),
      { numRuns: 200 },
    );
  });
});
