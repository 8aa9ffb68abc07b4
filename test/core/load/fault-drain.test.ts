import { describe, expect, it } from 'vitest';
import { DEFAULT_FAULT_DRAIN, type FaultDrainOptions, stepFaultDrain } from '../../../src/core/load/fault-drain.ts';
import type { EndpointMemory, XidMemory } from '../../../src/core/load/load-state.ts';
import type { Endpoint } from '../../../src/core/topology/index.ts';
import { endpoint, START_MS } from '../weights/beliefs.ts';
import { gpu, memory } from './memories.ts';

const fatal = (sec: number): XidMemory => ({
  atMs: START_MS,
  code: 79,
  stage: 'Fatal',
  fatalCode: 79,
  stageAtMs: START_MS + sec * 1000,
  recent: 0,
  recentAtMs: 0,
});

type Member = { readonly endpoint: Endpoint; readonly memory: EndpointMemory };

/** Servers, each lost since so many seconds, or well (null). */
function fleet(lostAtSec: readonly (number | null)[], over: (i: number) => Partial<Endpoint> = () => ({})): Member[] {
  return lostAtSec.map((sec, i) => ({
    endpoint: endpoint(i, over(i)),
    memory: memory({ gpus: [gpu(sec === null ? {} : { xid: fatal(sec) })] }),
  }));
}

function drained(members: readonly Member[], options: Partial<FaultDrainOptions> = {}, sec = 100): readonly number[] {
  stepFaultDrain(members, { ...DEFAULT_FAULT_DRAIN, ...options }, START_MS + sec * 1000);
  return members.flatMap(({ memory: one }, i) => (one.drainedAtMs === null ? [] : [i]));
}

describe('an endpoint whose GPU is lost', () => {
  it('drains, and has to complete a request before it ramps up again', () => {
    const members = fleet([null, 3, null, null]);
    expect(drained(members)).toEqual([1]);
    expect(members[1]!.memory).toMatchObject({ drainedAtMs: START_MS + 100_000, phase: 'Waiting' });
    expect(members[0]!.memory).toMatchObject({ drainedAtMs: null, phase: 'Running' });
    members[1]!.memory.phase = 'Ramping';
    members[1]!.memory.gpus = [gpu()];
    expect(drained(members)).toEqual([]);
    expect(members[1]!.memory).toMatchObject({ drainedAtMs: null, phase: 'Waiting' });
  });

  it('drains while half of the pool stays, the first that was lost first', () => {
    expect(drained(fleet([9, 3, 5, 7, null]))).toEqual([1, 2]);
    expect(drained(fleet([3, 3, 3, 3]))).toEqual([0, 1]);
  });

  it('keeps draining when others are lost that say they were lost before', () => {
    const members = fleet([null, 50, 60, null]);
    expect(drained(members)).toEqual([1, 2]);
    members[0]!.memory.gpus = [gpu({ xid: fatal(1) })];
    expect(drained(members, {}, 101)).toEqual([1, 2]);
    expect(members[1]!.memory.drainedAtMs).toBe(START_MS + 100_000);
  });

  it('stays where it is the only one, and where discovery drains the rest', () => {
    expect(drained(fleet([3]))).toEqual([]);
    expect(drained(fleet([3, null], (i) => ({ lifecycle: i === 1 ? 'Draining' : 'Active' })))).toEqual([]);
    expect(drained(fleet([3, null]))).toEqual([0]);
  });

  it('drains by pool, since an Envoy may know one pool alone', () => {
    const members = fleet([3, 3, 3, null, null, null], (i) => ({ pool: i < 2 ? 'a' : 'b' }));
    expect(drained(members)).toEqual([0, 2]);
    expect(drained(members, { pools: ['b'] })).toEqual([2]);
    expect(drained(members, { pools: [] })).toEqual([]);
  });

  it('drains as far as Envoy may eject, and never beyond half', () => {
    const ten = () => fleet([1, 2, 3, 4, 5, 6, 7, null, null, null]);
    expect(drained(ten(), { maxPercent: 20 })).toEqual([0, 1]);
    expect(drained(ten(), { maxPercent: 100 })).toEqual([0, 1, 2, 3, 4]);
    expect(drained(ten(), { maxPercent: 0 })).toEqual([0]);
    expect(drained(ten(), { maxPercent: 0, atLeastOne: false })).toEqual([]);
  });
});
