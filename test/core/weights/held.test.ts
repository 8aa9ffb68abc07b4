import { describe, expect, it } from 'vitest';
import { heldAt, stepWeights } from '../../../src/core/weights/index.ts';
import { belief, beliefs, endpoint, hold, OPTIONS, run } from './beliefs.ts';

const loads = hold(beliefs([0, 1, 2].map((i) => belief(i))), 3);
const ids = [0, 1, 2].map((i) => endpoint(i).id);

describe('weights that are held', () => {
  it('are where the law goes on from: within the step of a second', () => {
    const state = run(loads).at(-1)!.state;
    const weights = { [ids[0]!]: 1000, [ids[1]!]: 50, [ids[2]!]: 500 };
    const held = heldAt(state, state, weights);
    expect(ids.map((id) => held.endpoints[id]?.weight)).toEqual([1000, 50, 500]);
    expect(held.snapped).toBe(false);
    const next = stepWeights(held, {
      nowMs: held.atMs + 1000,
      service: 'chat',
      endpoints: [0, 1, 2].map((i) => endpoint(i)),
      load: loads[0]!.load,
      options: OPTIONS,
    });
    const [first = 0, second = 0] = next.decision.endpoints.map(({ weight }) => weight);
    expect(second / first).toBeGreaterThan(0.05);
    // One falls to a half at most, the other rises by a quarter at most; the grid has steps of 5 %.
    expect(second / first).toBeLessThan(0.05 * 2 * 1.25 * 1.1);
    expect(next.decision.endpoints.map(({ previousWeight }) => previousWeight)).toEqual([1000, 50, 500]);
  });

  it('leave the law’s own alone where only a part of them, or nothing, is sent', () => {
    for (const options of [
      { ...OPTIONS, blendRatio: 0.5 },
      { ...OPTIONS, mode: 'Shadow' as const },
    ]) {
      const state = run(loads, options).at(-1)!.state;
      expect(heldAt(state, state, { [ids[0]!]: 10 })).toBe(state);
    }
  });
});
