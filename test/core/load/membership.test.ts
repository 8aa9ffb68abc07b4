import { describe, expect, it } from 'vitest';
import { type EndpointMemory, logPrior } from '../../../src/core/load/load-state.ts';
import { draftMembers, reborn } from '../../../src/core/load/membership.ts';
import { endpoint, START_MS } from '../weights/beliefs.ts';
import { gpu, memory } from './memories.ts';

const known = (...capacities: readonly number[]): Record<string, EndpointMemory> =>
  Object.fromEntries(capacities.map((logCapacity, i) => [endpoint(i).id, memory({ logCapacity })]));
const drafts = (
  before: Record<string, EndpointMemory> | undefined,
  members: readonly ReturnType<typeof endpoint>[],
  afterSec = 60,
) => [...draftMembers(before, members, START_MS, START_MS + afterSec * 1000).values()];

describe('a newcomer', () => {
  it('believes the median of its peers, and waits', () => {
    const all = drafts(known(-1, 0.2, 0.5), [endpoint(0), endpoint(1), endpoint(2), endpoint(3)]);
    expect(all[3]).toMatchObject({ logCapacity: 0.2, phase: 'Waiting', lives: 0, joinedAtMs: START_MS + 60_000 });
    expect(all.slice(0, 3).map(({ logCapacity }) => logCapacity)).toEqual([-1, 0.2, 0.5]);
  });

  it('need not wait where nobody has run for more than five seconds', () => {
    const at = (sec: number, before = known(0)) => drafts(before, [endpoint(0), endpoint(1)], sec)[1]!.phase;
    expect(at(5)).toBe('Running');
    expect(at(5.1)).toBe('Waiting');
    expect(drafts(undefined, [endpoint(0)])[0]!.phase).toBe('Running');
    expect(drafts(known(0), [endpoint(1)])[0]!.phase).toBe('Running');
  });

  it('has its prior: against the mean at the start, against the peers later', () => {
    const first = drafts(undefined, [endpoint(0, { capacity: Math.E ** 2 }), endpoint(1)], 0);
    expect(first.map(({ logCapacity }) => logCapacity)).toEqual([expect.closeTo(1, 9), expect.closeTo(-1, 9)]);
    const before = { [endpoint(0).id]: memory({ logCapacity: 0.5, logPrior: 0.3 }) };
    const later = drafts(before, [endpoint(0), endpoint(1, { capacity: Math.E })]);
    expect(later[1]!.logCapacity).toBeCloseTo(0.2 + 1, 9);
    expect(later[1]!.logPrior).toBeCloseTo(1, 9);
  });

  it('is believed within a twentieth and twenty times the mean, whatever its prior', () => {
    const before = { [endpoint(0).id]: memory({ logCapacity: 2.5 }) };
    expect(drafts(before, [endpoint(0), endpoint(1, { capacity: 4 })])[1]!.logCapacity).toBe(3);
    expect(reborn(memory(), endpoint(0, { capacity: 1e-4 }), [], START_MS).logCapacity).toBe(-3);
  });

  it('is who comes with another incarnation', () => {
    const before = { ...known(0.4, -1), [endpoint(0).id]: memory({ logCapacity: 0.4, lives: 2 }) };
    const [again] = drafts(before, [endpoint(0, { incarnation: '2' }), endpoint(1)]);
    expect(again).toMatchObject({ incarnation: '2', lives: 3, logCapacity: -1, phase: 'Waiting' });
  });
});

describe('who left', () => {
  it('is forgotten, and the state that was given stays as it was', () => {
    const before = { [endpoint(0).id]: memory({ gpus: [gpu()] }), [endpoint(1).id]: memory() };
    const copy = structuredClone(before);
    const [draft, ...others] = drafts(before, [endpoint(0)]);
    expect(others).toEqual([]);
    draft!.gpus[0] = gpu({ utilRatio: 0.7 });
    draft!.logCapacity = 2;
    expect(before).toEqual(copy);
  });
});

describe('a restarted engine', () => {
  it('waits and believes its peers, and keeps what its sidecars have in flight and its GPUs', () => {
    const peers = [memory({ logCapacity: 0.6, logPrior: 0.1 }), memory({ logCapacity: 0.7, logPrior: 0.1 })];
    const one = memory({ logCapacity: -1, lives: 1, inFlight: 7, gpus: [gpu()], slotsByQueue: 20, completions: 3 });
    const next = reborn(one, endpoint(0, { capacity: Math.E }), peers, START_MS);
    expect(next).toMatchObject({ phase: 'Waiting', lives: 2, inFlight: 7, slotsByQueue: null, completions: 0 });
    expect(next.gpus).toEqual([gpu()]);
    expect(next.logCapacity).toBeCloseTo(1.55, 9);
    expect(reborn(one, endpoint(0), [], START_MS).logCapacity).toBe(0);
  });
});

describe('a prior', () => {
  it('is a log, and says nothing where it is no positive number', () => {
    expect(logPrior({ capacity: Math.E })).toBe(1);
    expect([0, -1, Number.NaN, Infinity, 1e7].map((capacity) => logPrior({ capacity }))).toEqual([0, 0, 0, 0, 0]);
    expect(logPrior({ capacity: 1e6 })).toBeCloseTo(Math.log(1e6), 9);
    expect(logPrior({ capacity: 1e-9 })).toBe(-7);
  });
});
