import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  restingWeights,
  stepWeights,
  type WeightsOptions,
  type WeightsState,
} from '../../../src/core/weights/index.ts';
import {
  anyRun,
  belief,
  beliefs,
  endpoint,
  endpoints,
  hold,
  OPTIONS,
  reasons,
  run,
  START_MS,
  shares,
  weights,
} from './beliefs.ts';

const SKEWED = beliefs([belief(0, { logCapacity: -0.9 }), belief(1, { logCapacity: 0.9 })]);
const part = (blendRatio: number): WeightsOptions => ({ ...OPTIONS, blendRatio });

/** One tick a second of the same beliefs, each with options of its own. */
function live(each: readonly WeightsOptions[], load = SKEWED) {
  let state: WeightsState | undefined;
  return each.map((options, i) => {
    const input = { nowMs: START_MS + i * 1000, service: 'chat', endpoints: endpoints(2), load, options };
    const out = stepWeights(state, input);
    state = out.state;
    return out;
  });
}

const times = (options: WeightsOptions, count: number): readonly WeightsOptions[] => Array(count).fill(options);

describe('a part of the weights', () => {
  it('is none at 0, all at 1, and the geometric mean of equal and computed between them', () => {
    const whole = weights(run(hold(SKEWED, 30)).at(-1)!);
    const half = run(hold(SKEWED, 30), part(0.5)).at(-1)!;
    const none = run(hold(SKEWED, 30), part(0)).at(-1)!;
    expect(whole[0]).toBeLessThan(300);
    expect(weights(none)).toEqual([1000, 1000]);
    expect(none.decision.equal).toBe(true);
    // Within a half of the grid's step of 5 %.
    expect(Math.abs(Math.log(weights(half)[0]! / Math.sqrt(1000 * whole[0]!)))).toBeLessThanOrEqual(0.026);
    expect(Object.values(half.decision.shadowWeights!)).toEqual(whole);
    expect(reasons(half.decision, SKEWED)[0]).toMatch(/^\(50 % sent\) aims at /);
    expect(shares(half)[0]).toBeGreaterThan(shares(run(hold(SKEWED, 30)).at(-1)!)[0]!);
  });

  it('is, for any history, an integer vector whose order is that of the computed one, and exactly equal when that is', () => {
    fc.assert(
      fc.property(anyRun, fc.double({ min: 0, max: 1, noNaN: true }), (ticks, ratio) => {
        const whole = run(ticks);
        run(ticks, part(ratio)).forEach((step, i) => {
          const computed = weights(whole[i]!);
          const sent = weights(step);
          if (new Set(computed).size === 1) expect(new Set(sent)).toEqual(new Set([1000]));
          for (const [a, weight] of sent.entries()) {
            expect(Number.isInteger(weight) && weight >= 1 && weight <= 1000, `weight ${weight}`).toBe(true);
            for (const [b, other] of sent.entries())
              if (computed[a]! < computed[b]!) expect(weight).toBeLessThanOrEqual(other);
          }
          expect(Math.max(...sent)).toBe(1000);
        });
      }),
    );
  });

  it('grows within the step limit when the policy raises it, or turns Shadow into Active', () => {
    const shadow: WeightsOptions = { ...OPTIONS, mode: 'Shadow' };
    for (const from of [shadow, part(0), part(0.3)]) {
      const all = live([...times(from, 30), ...times(OPTIONS, 20)]);
      const logs = all.map(({ state }) =>
        [0, 1].map((i) => (state.blend ?? 1) * state.endpoints[endpoint(i).id]!.sent),
      );
      for (const [i, after] of logs.slice(30).entries()) {
        for (const k of [0, 1]) {
          const moved = after[k]! - logs[29 + i]![k]!;
          expect(moved).toBeLessThanOrEqual(Math.log(1.25) + 1e-9);
          expect(moved).toBeGreaterThanOrEqual(-Math.LN2 - 1e-9);
        }
      }
      expect(all[30]!.decision.outcome).toBe('Pushed');
      expect(weights(all[30]!)[0]).toBeGreaterThan(weights(all[31]!)[0]!);
      expect(weights(all.at(-1)!)).toEqual(weights(run(hold(SKEWED, 50)).at(-1)!));
      expect(all.at(-1)!.decision.shadowWeights).toBeUndefined();
    }
  });

  it('is taken out at once by Shadow and Disabled, and says so as what was there before', () => {
    for (const mode of ['Shadow', 'Disabled'] as const) {
      const all = live([...times(OPTIONS, 30), ...times({ ...OPTIONS, mode }, 1)]);
      expect(weights(all.at(-1)!)).toEqual([1000, 1000]);
      expect(all.at(-1)!.decision.endpoints[0]!.previousWeight).toBe(weights(all.at(-2)!)[0]);
    }
  });

  it('pushes no more often than once in a tick, and calls no push what sends the same', () => {
    fc.assert(
      fc.property(anyRun, fc.double({ min: 0, max: 0.4, noNaN: true }), (ticks, ratio) => {
        let standing: readonly number[] = [];
        for (const step of run(ticks, part(ratio))) {
          const next = weights(step);
          if (step.decision.outcome === 'Pushed') expect(next).not.toEqual(standing);
          if (step.decision.outcome.startsWith('Held')) expect(next).toEqual(standing);
          standing = next;
        }
      }),
    );
  });

  it('rests on the same part of what was learned', () => {
    const both = [endpoint(0), endpoint(1)];
    const whole = restingWeights(run(hold(SKEWED, 30)).at(-1)!.state, both, OPTIONS)[endpoint(0).id]!;
    const half = restingWeights(run(hold(SKEWED, 30), part(0.5)).at(-1)!.state, both, part(0.5))[endpoint(0).id]!;
    expect(Math.abs(Math.log(half / Math.sqrt(1000 * whole)))).toBeLessThanOrEqual(0.026);
  });
});
