import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Compiler, INITIAL_STATE, type Plan, tick } from '../../../src/core/control/index.ts';
import { TYPE_URL } from '../../../src/core/resources/index.ts';
import { type Snapshot, viewOf } from '../../../src/core/snapshot/index.ts';
import { staticEndpointSets } from '../../../src/edge/discovery/index.ts';
import { loaded, service } from '../policy/load.ts';
import { Fleet, fleetPolicy, silent, weightsOf } from './fleet.ts';

const KEY = { group: 'lab', release: '1.40', listenerOverrides: {} };

/** A fleet with one server far slower than the others, which the law finds out within half a minute. */
function slowThird(): Fleet {
  return new Fleet(fleetPolicy(), [30, 30, 4]);
}

function versions(snapshot: Snapshot | undefined): Readonly<Record<string, readonly string[]>> {
  const types = Object.entries(TYPE_URL).map(([type, url]) => [
    type,
    snapshot === undefined ? [] : [...viewOf(snapshot, url).values()].map(({ name, version }) => `${name} ${version}`),
  ]);
  return Object.fromEntries(types);
}

describe('a tick', () => {
  it('is a function of state and input: it changes neither, and gives the same twice', () => {
    const fleet = slowThird();
    fleet.run(25);
    const input = fleet.input({ nowMs: fleet.nowMs + 1000, presence: fleet.connected() });
    const before = structuredClone({ state: fleet.state, input });
    const one = tick(fleet.state, input);
    expect({ state: fleet.state, input }).toEqual(before);
    expect(JSON.stringify(tick(fleet.state, input))).toBe(JSON.stringify(one));
  });

  it('gives two replicas that hear the same the same plans, all the way', () => {
    const [one, two] = [slowThird(), slowThird()];
    for (let i = 0; i < 40; i++) expect(JSON.stringify(two.run(1))).toBe(JSON.stringify(one.run(1)));
    expect(new Set(weightsOf(one.state.plan as Plan)).size).toBeGreaterThan(1);
  });

  it('begins with equal weights, or with the capacities that the policy gives', () => {
    expect(weightsOf(new Fleet(fleetPolicy(), [9, 9, 9]).tick())).toEqual([1000, 1000, 1000]);
    const seeded = weightsOf(new Fleet(fleetPolicy({ capacity: 0.4 }), [9, 9, 9]).tick());
    expect(seeded[1]).toBe(1000);
    expect(seeded[0]).toBeGreaterThan(350);
    expect(seeded[0]).toBeLessThan(450);
  });

  it('moves nothing but EDS when weights move', () => {
    const fleet = slowThird();
    const compiler = new Compiler();
    const first = versions(compiler.snapshot(fleet.run(1), KEY));
    const later = versions(compiler.snapshot(fleet.run(40), KEY));
    expect(weightsOf(fleet.state.plan as Plan)[2]).toBeLessThan(700);
    expect(later.endpoint).not.toEqual(first.endpoint);
    for (const type of ['cluster', 'listener', 'route', 'runtime', 'extension']) {
      expect(later[type], type).toEqual(first[type]);
      expect(later[type]?.length, type).toBeGreaterThan(0);
    }
    const changed = later.endpoint?.filter((text) => !first.endpoint?.includes(text));
    expect(changed).toEqual([expect.stringMatching(/^chat /)]);
  });

  it('gives the same bytes, plan after plan, while nothing is heard', () => {
    const fleet = slowThird();
    fleet.run(40);
    const compiler = new Compiler();
    const before = compiler.snapshot(fleet.state.plan as Plan, KEY);
    const { sequence } = fleet.state.plan as Plan;
    for (let i = 0; i < 20; i++) {
      fleet.nowMs += 1000;
      const plan = fleet.tick();
      expect(compiler.snapshot(plan, KEY), `tick ${i}`).toBe(before);
      expect(plan.sequence).toBe(sequence);
    }
  });

  it('counts a plan that makes other resources, and no other', () => {
    const fleet = slowThird();
    let before = fleet.tick({ presence: fleet.connected() });
    expect(before.sequence).toBe(1);
    for (let i = 0; i < 60; i++) {
      const plan = fleet.run(1);
      const moved = JSON.stringify(weightsOf(plan)) !== JSON.stringify(weightsOf(before));
      expect(plan.sequence - before.sequence, `tick ${i}`).toBe(moved ? 1 : 0);
      before = plan;
    }
    expect(before.sequence).toBeGreaterThan(1);
  });

  it('lists sidecars in order, also a group that has none', () => {
    const fleet = new Fleet(fleetPolicy(), [9, 9, 9]);
    expect(fleet.tick().sidecars).toEqual({ lab: [] });
    const plan = fleet.tick({ presence: [...fleet.connected()].reverse() });
    expect(plan.sidecars).toEqual({ lab: ['a', 'b'] });
  });

  it('keeps the endpoints of a pool whose source is silent, and empties one that says so', () => {
    const fleet = new Fleet(fleetPolicy(), [9, 9, 9]);
    const before = fleet.run(3);
    const sets = staticEndpointSets(fleet.policy);
    expect(fleet.tick({ endpointSets: silent(sets) }).endpoints).toEqual(before.endpoints);
    expect(fleet.tick({ endpointSets: [] }).endpoints).toEqual(before.endpoints);
    const empty = fleet.tick({ endpointSets: sets.map((set) => ({ ...set, endpoints: [] })) });
    expect(empty.endpoints).toEqual({ chat: [] });
  });

  it('sorts endpoints by id, whatever the order of discovery', () => {
    const fleet = new Fleet(fleetPolicy({ servers: 5 }), [9, 9, 9, 9, 9]);
    const sets = staticEndpointSets(fleet.policy);
    const one = tick(INITIAL_STATE, fleet.input({ endpointSets: sets }));
    const turned = sets.map((set) => ({ ...set, endpoints: [...set.endpoints].reverse() }));
    expect(JSON.stringify(tick(INITIAL_STATE, fleet.input({ endpointSets: turned })))).toBe(JSON.stringify(one));
  });

  it('forgets a service that leaves the policy, and one that comes later starts fresh', () => {
    const fleet = slowThird();
    fleet.run(30);
    const chat = fleet.policy;
    const other = loaded(service([], 'other'));
    const without = fleet.tick({ policy: other, endpointSets: staticEndpointSets(other) });
    expect(Object.keys(without.decisions)).toEqual(['other']);
    expect(Object.keys(fleet.state.load)).toEqual(['other']);
    expect(weightsOf(fleet.tick({ policy: chat }))).toEqual([1000, 1000, 1000]);
  });

  it('serves names that JavaScript knows too', () => {
    const policy = fleetPolicy({ name: 'constructor' });
    const fleet = new Fleet(policy, [30, 30, 4]);
    fleet.tick({ endpointSets: [] });
    const plan = fleet.run(40);
    expect(weightsOf(plan, 'constructor')[2]).toBeLessThan(700);
    const snapshot = new Compiler().snapshot(plan, KEY);
    expect([...viewOf(snapshot as Snapshot, TYPE_URL.endpoint).keys()]).toEqual(['constructor', 'loadline_sidecars']);
    const group = { ...policy.groups[0]!, name: 'constructor' };
    const grouped = fleet.tick({ policy: { ...policy, revision: 'r2', groups: [group] } });
    expect(grouped.sidecars.constructor).toEqual([]);
    expect(new Compiler().snapshot(grouped, { ...KEY, group: 'constructor' })).toBeDefined();
  });

  it('lives through any clock, in order or not: numbers stay finite and weights in their range', () => {
    const seconds = fc.oneof(fc.integer({ min: -100, max: 100 }), fc.integer({ min: -1e6, max: 1e6 }));
    fc.assert(
      fc.property(fc.array(seconds, { maxLength: 30 }), (steps) => {
        const fleet = slowThird();
        fleet.run(5);
        for (const step of steps) {
          fleet.nowMs = Math.max(1, fleet.nowMs + step * 1000);
          const plan = fleet.run(1);
          for (const weight of weightsOf(plan)) {
            expect(Number.isInteger(weight) && weight >= 1 && weight <= 1000, String(weight)).toBe(true);
          }
        }
        // JSON writes what is not finite as null: such a state would not survive a checkpoint.
        expect(JSON.parse(JSON.stringify(fleet.state))).toEqual(fleet.state);
      }),
      { numRuns: 30 },
    );
  });
});
