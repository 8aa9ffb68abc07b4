import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/units/index.ts';
import type { LoadInput } from '../../../src/core/load/index.ts';
import { alternatives, broken } from './always.ts';
import { HostileWorld } from './hostile-world.ts';
import { NOTHING, step } from './pipeline.ts';

const LONG = process.env.LOADLINE_TEST_LONG === '1';
const SAMPLES = LONG ? 1_000_000 : 60_000;
const TICKS = 200;
if (!LONG)
  process.stdout.write(
    `skipped: 940 000 of the 1 000 000 hostile samples of the control law: set LOADLINE_TEST_LONG=1 (npm run test:long)\n`,
  );

/**
 * The invariants of docs/design/control-law.md on the whole way from samples to weights, in worlds that are drawn. Each
 * tick is checked (`always.ts`); what a world did wrong is told with its seed.
 */
describe('the law in a hostile world', () => {
  it(`keeps its promises on ${SAMPLES} samples`, { timeout: 900_000 }, () => {
    let count = 0;
    for (let seed = 1; count < SAMPLES; seed += 1) {
      const world = new HostileWorld(seededRandom(seed));
      let memory = NOTHING;
      for (let tick = 0; tick < TICKS; tick += 1) {
        const input = world.next();
        const after = step(memory, input);
        const wrong = [...broken(memory, input, after), ...alternatives(memory, input, after)];
        expect(wrong, `seed ${seed}, tick ${tick}`).toEqual([]);
        memory = after.memory;
        count += input.samples.length;
      }
    }
    expect(count).toBeGreaterThanOrEqual(SAMPLES);
  });

  it('keeps servers that say the same exactly equal', () => {
    for (let seed = 1; seed <= (LONG ? 200 : 8); seed += 1) {
      const world = new HostileWorld(seededRandom(seed), { alike: true });
      let memory = NOTHING;
      const outcomes: string[] = [];
      for (let tick = 0; tick < TICKS; tick += 1) {
        const after = step(memory, withoutXids(world.next()));
        expect(new Set(after.decision.endpoints.map(({ weight }) => weight)), `seed ${seed}, tick ${tick}`).toEqual(
          new Set([1000]),
        );
        outcomes.push(after.decision.outcome);
        memory = after.memory;
      }
      expect(
        outcomes.filter((outcome) => outcome.startsWith('Push')),
        `seed ${seed}`,
      ).toEqual([]);
    }
  });

  it('decides the same with a GPU utilisation that says nothing as without one', () => {
    for (let seed = 1; seed <= (LONG ? 200 : 8); seed += 1) {
      const world = new HostileWorld(seededRandom(seed));
      let pinned = NOTHING;
      let without = NOTHING;
      for (let tick = 0; tick < TICKS; tick += 1) {
        const input = world.next();
        const one = step(pinned, withUtil(input, 1));
        const other = step(without, withUtil(input, undefined));
        expect(JSON.stringify(one.decision), `seed ${seed}, tick ${tick}`).toBe(JSON.stringify(other.decision));
        pinned = one.memory;
        without = other.memory;
      }
    }
  });
});

/** Half of a pool stays when all of it says that its GPUs are lost: alike worlds have no such say. */
function withoutXids(input: LoadInput): LoadInput {
  return { ...input, samples: input.samples.filter(({ metric }) => !/xidCode/i.test(metric)) };
}

/** Without what samples say of the device, which the clock obeys too. */
function withUtil(input: LoadInput, util: number | undefined): LoadInput {
  return {
    ...input,
    samples: input.samples.flatMap(({ device: _, ...sample }) =>
      sample.metric !== 'gpuUtilRatio' ? [sample] : util === undefined ? [] : [{ ...sample, value: util }],
    ),
  };
}
