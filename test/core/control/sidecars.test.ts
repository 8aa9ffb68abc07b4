import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEAVE_GRACE_MS, type Sidecars } from '../../../src/core/control/index.ts';
import { membersByGroup, restoreSidecars, stepSidecars } from '../../../src/core/control/sidecars.ts';
import type { NodePresence } from '../../../src/core/topology/index.ts';

const GROUPS = [{ name: 'lab' }];

function heard(kind: NodePresence['kind'], atMs: number, nodeId = 'a', group = 'lab'): NodePresence {
  return { nodeId, group, kind, atMs, envoyVersion: '1.40.0' };
}

describe('a sidecar', () => {
  it('stays a member for half a minute after it left, and not longer', () => {
    expect(LEAVE_GRACE_MS).toBe(30_000);
    const here = stepSidecars({}, [heard('Connected', 1000)], 1000);
    const gone = stepSidecars(here, [heard('Disconnected', 5000)], 5000);
    expect(gone.a).toMatchObject({ connected: false, seenAtMs: 5000 });
    expect(Object.keys(stepSidecars(gone, [], 35_000))).toEqual(['a']);
    expect(Object.keys(stepSidecars(gone, [], 35_001))).toEqual([]);
  });

  it('that is connected is never forgotten, however long it says nothing', () => {
    const here = stepSidecars({}, [heard('Connected', 1000)], 1000);
    expect(Object.keys(stepSidecars(here, [], 1000 + 100 * LEAVE_GRACE_MS))).toEqual(['a']);
  });

  it('that comes back within the grace has changed nothing', () => {
    const here = stepSidecars({}, [heard('Connected', 1000)], 1000);
    const back = stepSidecars(here, [heard('Disconnected', 5000), heard('Connected', 5200)], 6000);
    expect(membersByGroup(back, GROUPS)).toEqual(membersByGroup(here, GROUPS));
    expect(Object.keys(stepSidecars(back, [], 100_000))).toEqual(['a']);
  });

  it('has the whole grace to come back after a restart of the server', () => {
    const here = stepSidecars({}, [heard('Connected', 1000)], 1000);
    const restored = restoreSidecars(stored(here), 90_000);
    expect(restored.a).toMatchObject({ connected: false, seenAtMs: 90_000 });
    expect(Object.keys(stepSidecars(restored, [], 90_000 + LEAVE_GRACE_MS))).toEqual(['a']);
    expect(Object.keys(stepSidecars(restored, [], 90_001 + LEAVE_GRACE_MS))).toEqual([]);
  });

  it('that changes its group is a member of the new one only', () => {
    const one = stepSidecars({}, [heard('Connected', 1000, 'a', 'lab')], 1000);
    const two = stepSidecars(one, [heard('Connected', 2000, 'a', 'prod')], 2000);
    expect(membersByGroup(two, [{ name: 'lab' }, { name: 'prod' }])).toEqual({ lab: [], prod: ['a'] });
  });

  it('may have any name: ids come from outside', () => {
    const name = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', '1', '-0'));
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 6 }), fc.constantFrom('lab', 'constructor'), (ids, group) => {
        const presence = ids.map((id) => heard('Connected', 1000, id, group));
        const stepped = stored(stepSidecars({}, presence, 1000));
        const again = stepSidecars(restoreSidecars(stepped, 2000), presence, 2000);
        const members = membersByGroup(again, [{ name: group }]);
        expect(Object.entries(members)).toEqual([[group, [...ids].sort()]]);
        const left = ids.map((id) => heard('Disconnected', 3000, id, group));
        expect(Object.keys(stepSidecars(stepSidecars(again, left, 3000), [], 33_001))).toEqual([]);
      }),
    );
  });

  it('gives the same members whatever the order in which they came', () => {
    const ids = fc.uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 8 });
    fc.assert(
      fc.property(ids, (list) => {
        const [one, two] = [list, [...list].reverse()].map((order) =>
          membersByGroup(
            stepSidecars(
              {},
              order.map((id) => heard('Connected', 1, id)),
              1,
            ),
            GROUPS,
          ),
        );
        expect(JSON.stringify(two)).toBe(JSON.stringify(one));
      }),
    );
  });
});

/** As it comes back from a checkpoint. */
function stored(sidecars: Sidecars): Sidecars {
  return JSON.parse(JSON.stringify(sidecars)) as Sidecars;
}
