import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { preferences } from '../../../src/core/weights/preference.ts';
import { standingOf, targets } from '../../../src/core/weights/target.ts';
import { anyBelief, belief, beliefs, OPTIONS } from './beliefs.ts';

const close = (value: number) => expect.closeTo(value, 9);
/** What a speed of twice the mean adds. */
const TWICE = 0.35 * (Math.LN2 - 0.2);
/** Of one width; their speeds are as 1 to 4. */
const unlike = (engine: 'Fresh' | 'Stale' | 'Absent') => [
  belief(0, { engine, logCapacity: -Math.LN2 }),
  belief(1, { engine, logCapacity: Math.LN2 }),
];

describe('what speed adds', () => {
  it('is 0.35 of the log of the speed beyond 0.2, for engines that tell it or told it last', () => {
    expect(preferences(unlike('Fresh'))).toEqual([close(-TWICE), close(TWICE)]);
    expect(preferences(unlike('Stale'))).toEqual([close(-TWICE), close(TWICE)]);
    expect(preferences(unlike('Absent'))).toEqual([0, 0]);
  });

  it('is nothing for speeds that are nearly alike', () => {
    const like = [-0.2, 0.2].map((logCapacity, i) => belief(i, { engine: 'Fresh', logCapacity }));
    expect(preferences(like)).toEqual([close(0), close(0)]);
  });

  it('is nothing for a server that is wide and no faster', () => {
    const wide = [
      belief(0, { engine: 'Fresh', slots: 24 }),
      belief(1, { engine: 'Fresh', slots: 48, logCapacity: Math.LN2 }),
    ];
    expect(preferences(wide)).toEqual([close(0), close(0)]);
  });

  it('leaves out who does not speak', () => {
    const [slow, fast, silent] = preferences([...unlike('Fresh'), belief(2, { engine: 'Absent', logCapacity: 3 })]);
    expect([slow, fast, silent]).toEqual([close(-TWICE), close(TWICE), close(0)]);
  });

  it('is bounded, and evens out over the endpoints', () => {
    fc.assert(
      fc.property(fc.tuple(anyBelief(0), anyBelief(1), anyBelief(2), anyBelief(3)), (all) => {
        const added = preferences(all);
        expect(added.reduce((sum, one) => sum + one, 0)).toBeCloseTo(0, 9);
        for (const one of added) expect(Math.abs(one)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('is a term of its own, within the ratio that the policy allows', () => {
    const load = beliefs(unlike('Fresh'));
    const terms = (maxWeightRatio: number) =>
      targets(
        standingOf(load.endpoints, preferences(load.endpoints), load, { ...OPTIONS, maxWeightRatio }),
        [0, 0],
        0,
      ).map(({ terms: one }) => one);
    expect(terms(10)[1]).toMatchObject({ capacity: Math.LN2, speed: close(TWICE) });
    expect(terms(4)[1]).toMatchObject({ capacity: close(Math.LN2), speed: close(0) });
  });
});
