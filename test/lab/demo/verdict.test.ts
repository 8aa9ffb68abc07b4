import { describe, expect, it } from 'vitest';
import { judge, type LaneResult } from '../../../src/lab/demo/verdict.ts';

function lane(part: Partial<LaneResult> & { goodput?: readonly [number, number] }): LaneResult {
  const { goodput = [0.9, 0.9], ...rest } = part;
  return {
    clientErrors: 0,
    goodputRatio: (goodput[0] + goodput[1]) / 2,
    firstTokenP99Ms: 300,
    phases: [
      { name: 'steady', goodputRatio: goodput[0] },
      { name: 'slowed', goodputRatio: goodput[1] },
    ],
    ...rest,
  };
}

const base = lane({});

describe('the verdict', () => {
  const table: [string, LaneResult, LaneResult, number, string, RegExp][] = [
    ['alike lanes', base, lane({}), 3, 'Equal', /within a point/],
    [
      'clearly more goodput',
      base,
      lane({ goodput: [0.99, 0.98] }),
      3,
      'Better',
      /goodput of the whole run: 98.5 % against 90.0 %/,
    ],
    ['clearly less goodput', base, lane({ goodput: [0.8, 0.8] }), 3, 'Worse', /goodput in phase steady/],
    [
      'a gain that costs one phase',
      base,
      lane({ goodput: [1, 0.87] }),
      3,
      'Worse',
      /phase slowed: 87.0 % against 90.0 %/,
    ],
    ['half a point', base, lane({ goodput: [0.905, 0.905] }), 3, 'Equal', /within a point/],
    [
      'fewer client errors',
      lane({ clientErrors: 4 }),
      lane({ goodput: [0.5, 0.5] }),
      3,
      'Better',
      /client errors: 0 against 4/,
    ],
    ['more client errors', base, lane({ clientErrors: 1, goodput: [1, 1] }), 3, 'Worse', /client errors: 1 against 0/],
    [
      'a better tail at equal goodput',
      base,
      lane({ firstTokenP99Ms: 200 }),
      3,
      'Better',
      /first-token p99: 200 ms against 300/,
    ],
    ['a worse tail at equal goodput', base, lane({ firstTokenP99Ms: 400 }), 3, 'Worse', /first-token p99/],
    ['no first token at all', base, lane({ firstTokenP99Ms: undefined }), 3, 'Equal', /within a point/],
    ['a starved machine', base, lane({ goodput: [1, 1] }), 250, 'Equal', /too starved to judge: .* 250 ms late/],
  ];
  it.each(table)('of %s', (_, leastRequest, loadline, lagMs, verdict, by) => {
    const judged = judge(leastRequest, loadline, lagMs);
    expect(judged.verdict).toBe(verdict);
    expect(judged.verdictBy).toMatch(by);
  });
});
