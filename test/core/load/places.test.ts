import { describe, expect, it } from 'vitest';
import type { SidecarMemory } from '../../../src/core/load/load-state.ts';
import { placed } from '../../../src/core/load/places.ts';
import { endpoint, endpoints } from '../weights/beliefs.ts';

const id = (i: number) => endpoint(i).id;

function sidecar(places: readonly number[]): SidecarMemory {
  const each = places.map(() => 1);
  return { nodeId: 'a', reportedAtMs: 0, intervalSec: 1, baseline: false, places, inFlight: each, pending: each };
}

describe('the places of endpoints', () => {
  it('are those of before, the object itself, while nobody comes, goes or moves', () => {
    const before = { ids: [id(0), id(1)], sidecars: [sidecar([0, 1])] };
    expect(placed(before, endpoints(2))).toBe(before);
    expect(placed(before, [endpoint(0, { lifecycle: 'Draining' }), endpoint(1)])).toBe(before);
  });

  it('follow another order of as many', () => {
    const before = { ids: [id(0), id(1), id(2)], sidecars: [sidecar([0, 2])] };
    const after = placed(before, [endpoint(2), endpoint(0), endpoint(1)]);
    expect(after.ids).toEqual([id(2), id(0), id(1)]);
    expect(after.sidecars.map(({ places }) => places)).toEqual([[1, 0]]);
  });

  it('of who left are behind all others while a sidecar had requests there, once for all sidecars', () => {
    const before = { ids: [id(0), id(1), id(2)], sidecars: [sidecar([1, 2]), sidecar([1])] };
    const after = placed(before, [endpoint(2), endpoint(3)]);
    expect(after.ids).toEqual([id(2), id(3), id(1)]);
    expect(after.sidecars.map(({ places }) => places)).toEqual([[2, 0], [2]]);
  });

  it('of who takes the place of another are new', () => {
    const before = { ids: [id(0), id(1)], sidecars: [sidecar([0, 1])] };
    const after = placed(before, [endpoint(0), endpoint(5)]);
    expect(after.ids).toEqual([id(0), id(5), id(1)]);
    expect(after.sidecars.map(({ places }) => places)).toEqual([[0, 2]]);
  });
});
