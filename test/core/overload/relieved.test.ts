import { describe, expect, it } from 'vitest';
import type { ServiceLoad } from '../../../src/core/load/index.ts';
import { relievedBy } from '../../../src/core/overload/index.ts';
import type { Ladder, Rung } from '../../../src/core/overload/ladder.ts';
import type { Endpoint } from '../../../src/core/topology/index.ts';

const endpoints = ['gpu', 'standby', 'gpu'].map((pool, i) => ({ id: `${pool}-${i}`, pool }) as unknown as Endpoint);
const load = { service: 'chat', endpoints: endpoints.map(({ id }) => ({ id })) } as unknown as ServiceLoad;
const ladder = (...rungs: readonly Rung[]): Ladder => ({ rungs, early: 0, enterAt: 1, leaveAt: 0.8 });

describe('the servers that a ladder relieves', () => {
  it('are all where it sheds', () => {
    expect(relievedBy(ladder({ class: 'P3', upToRatio: 1 }), { load, endpoints })).toEqual({ load, endpoints });
  });

  it('are those of the other pools where it moves requests, each with its belief', () => {
    const moving = ladder({ class: 'P3', upToRatio: 1 }, { class: 'P1', upToRatio: 1, toPool: 'standby' });
    const relieved = relievedBy(moving, { load, endpoints });
    expect(relieved.endpoints.map(({ id }) => id)).toEqual(['gpu-0', 'gpu-2']);
    expect(relieved.load.endpoints.map(({ id }) => id)).toEqual(['gpu-0', 'gpu-2']);
    expect(relieved.load.service).toBe('chat');
  });
});
