import { describe, expect, it } from 'vitest';
import { Compiler, type Plan, restoreState, type Shift, ShiftMeters } from '../../../src/core/control/index.ts';
import { operated } from '../../../src/core/operations/index.ts';
import { TYPE_URL } from '../../../src/core/resources/index.ts';
import { viewOf } from '../../../src/core/snapshot/index.ts';
import { reasonsOf } from '../../../src/core/weights/index.ts';
import { type Fleet, weightsOf } from '../control/fleet.ts';
import { aFleet, ask, begin } from './two-pools.ts';

const KEY = { group: 'lab', release: '1.40', listenerOverrides: {} };
const FIRST = { pool: 'gpu', endpoint: '10.0.0.1:8000' };

const healthOf = (plan: Plan) =>
  plan.decisions.chat?.endpoints.map(({ health }) => (health === 'Healthy' ? 'up' : 'out'));
const sharesOf = (plan: Plan) => plan.decisions.chat?.endpoints.map(({ share }) => share) ?? [];
const reasonsIn = ({ state, loads }: Fleet) => {
  const decision = state.plan?.decisions.chat;
  return decision === undefined ? [] : [...reasonsOf(decision, loads.chat).values()];
};

/** Versions of what a sidecar has, by type and name. */
function versionsOf(plan: Plan): Readonly<Record<string, string>> {
  const snapshot = new Compiler().snapshot(plan, KEY);
  if (snapshot === undefined) throw new Error('no snapshot');
  const all = Object.values(TYPE_URL).flatMap((url) => [...viewOf(snapshot, url).values()]);
  return Object.fromEntries(all.map(({ typeUrl, name, version }) => [`${typeUrl.split('.').at(-1)} ${name}`, version]));
}

function changed(before: Plan, after: Plan): readonly string[] {
  const [ours, theirs] = [versionsOf(before), versionsOf(after)];
  return Object.keys(theirs).filter((name) => ours[name] !== theirs[name]);
}

describe('a drain', () => {
  it('takes one out by its assignment alone, the others have its share, and explain says who and why', () => {
    const fleet = aFleet();
    const before = fleet.state.plan as Plan;
    begin(fleet, { kind: 'Drain', ...FIRST });
    const plan = fleet.state.plan as Plan;
    // Sorted by id: the cpu pool comes first.
    expect(healthOf(plan)).toEqual(['up', 'out', 'up', 'up']);
    expect(sharesOf(plan)[1]).toBe(0);
    expect(sharesOf(plan).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
    expect(changed(before, plan)).toEqual(['ClusterLoadAssignment chat']);
    expect(reasonsIn(fleet)[1]).toMatch(
      /^takes no new requests: drained by hand until 20\S+Z \(a test; spiffe:\/\/lab\/ada\)$/,
    );
  });

  it('is over at its end, to the tick, and the endpoint comes back with the ramp of the law', () => {
    const fleet = aFleet();
    begin(fleet, { kind: 'Drain', ...FIRST, endsAtMs: fleet.nowMs + 20_000 });
    expect(healthOf(fleet.run(18))).toEqual(['up', 'out', 'up', 'up']);
    const back = fleet.run(1);
    expect(healthOf(back)).toEqual(['up', 'up', 'up', 'up']);
    const [cpu = 0, first = 0] = weightsOf(back);
    expect(first).toBeLessThan(cpu / 5);
    expect(reasonsIn(fleet)[1]).toContain('has not completed a request yet');
    const [, late = 0] = weightsOf(fleet.run(60));
    expect(late).toBeGreaterThan(500);
  });

  it('survives a restart in the middle: the same bytes before and after', () => {
    const fleet = aFleet();
    begin(fleet, { kind: 'Drain', ...FIRST });
    const before = fleet.state.plan as Plan;
    const after = aFleet();
    after.nowMs = fleet.nowMs + 3000;
    after.state = restoreState(JSON.parse(JSON.stringify(fleet.state)), after.nowMs);
    after.operations = JSON.parse(JSON.stringify(fleet.operations));
    const plan = after.tick();
    expect(plan.sequence).toBe(before.sequence);
    expect(changed(before, plan)).toEqual([]);
  });

  it('that nobody forced is suspended when the others leave, until they are back', () => {
    const fleet = aFleet(3, 1);
    begin(fleet, { kind: 'Drain', pool: 'gpu' });
    expect(healthOf(fleet.run(1))).toEqual(['up', 'out', 'out', 'out']);
    const without = fleet.input().endpointSets.map((set) => (set.pool === 'cpu' ? { ...set, endpoints: [] } : set));
    expect(healthOf(fleet.tick({ endpointSets: without }))).toEqual(['up', 'up', 'up']);
    expect(healthOf(fleet.tick())).toEqual(['up', 'out', 'out', 'out']);
  });

  it('that was forced on all of them leaves an assignment whose hosts all drain', () => {
    const fleet = aFleet();
    begin(fleet, { kind: 'Drain', force: true });
    expect(healthOf(fleet.run(1))).toEqual(['out', 'out', 'out', 'out']);
  });
});

describe('a failover', () => {
  it('takes the pool out while the others carry the traffic', () => {
    const fleet = aFleet(3, 3);
    begin(fleet, { kind: 'Failover', from: 'gpu' });
    const plan = fleet.run(3);
    expect(healthOf(plan)).toEqual(['up', 'up', 'up', 'out', 'out', 'out']);
    expect(reasonsIn(fleet)[3]).toContain('its pool is failed over to the others until');
  });

  it('to a pool leaves that one alone', () => {
    const fleet = aFleet(1, 3);
    begin(fleet, { kind: 'Failover', from: 'gpu', to: 'cpu' });
    expect(healthOf(fleet.run(1))).toEqual(['up', 'up', 'up', 'out']);
  });
});

describe('a freeze', () => {
  it('sends nothing while the load changes, though endpoints come and go and the law goes on learning', () => {
    const fleet = aFleet();
    begin(fleet, { kind: 'Freeze' });
    const held = fleet.state.plan as Plan;
    fleet.speeds[1] = 2;
    const plan = fleet.run(40);
    expect(plan.sequence).toBe(held.sequence);
    expect(weightsOf(plan)).toEqual(weightsOf(held));
    expect(plan.decisions.chat?.outcome).toBe('Frozen');
    expect(reasonsIn(fleet)[1]).toMatch(
      /^its weight is frozen until .*; the law aims at \d+ % less than an even share/,
    );
    const without = fleet.input().endpointSets.map((set) => (set.pool === 'cpu' ? { ...set, endpoints: [] } : set));
    const smaller = fleet.tick({ endpointSets: without });
    expect(weightsOf(smaller)).toEqual(weightsOf(held).slice(1));
    // Who comes back is held as it was.
    expect(weightsOf(fleet.tick())).toEqual(weightsOf(held));
  });

  it('lets go step by step: the first weights after it are within the bounds of one second', () => {
    const fleet = aFleet();
    begin(fleet, { kind: 'Freeze' });
    fleet.speeds[1] = 2;
    const [held = []] = [weightsOf(fleet.run(40))];
    fleet.operations = [];
    const first = weightsOf(fleet.run(1));
    expect(first).not.toEqual(held);
    const ratio = (weights: readonly number[]) => (weights[1] as number) / (weights[0] as number);
    expect(ratio(first) / ratio(held)).toBeGreaterThan(0.39);
    expect(ratio(weightsOf(fleet.run(20)))).toBeLessThan(0.39 * ratio(held));
  });

  it('gives who came since the weight of the law among those that are held', () => {
    const fleet = aFleet(3, 1);
    const planned = ask(fleet, { kind: 'Freeze' });
    if (!planned.ok || planned.value.kind !== 'Freeze') throw new Error('refused');
    const { weights } = planned.value;
    const ids = Object.keys(weights);
    const halves = Object.fromEntries(ids.slice(1).map((id) => [id, (weights[id] as number) / 2]));
    fleet.operations = [{ ...planned.value, weights: halves }];
    const plan = fleet.run(1);
    expect(weightsOf(plan)).toEqual([500, 500, 500, 500]);
    expect(plan.decisions.chat?.endpoints[0]?.operation).toContain('it came after');
  });
});

describe('a shed', () => {
  it('moves one runtime key, and nothing of the structure', () => {
    const fleet = aFleet();
    const before = fleet.state.plan as Plan;
    begin(fleet, { kind: 'Shed', percent: 20 });
    const plan = fleet.state.plan as Plan;
    expect(plan.sheds).toEqual({ chat: 20 });
    expect(changed(before, plan)).toEqual(['Runtime lapsing']);
    begin(fleet, { kind: 'Shed', percent: 50 });
    expect(fleet.state.plan?.sheds).toEqual({ chat: 50 });
    fleet.operations = [];
    const after = fleet.run(1);
    expect(after.sheds).toBeUndefined();
    expect(changed(before, after)).toEqual([]);
  });
});

describe('a shed beside the ladder', () => {
  it('counts where it is the larger one, for each class', () => {
    const fleet = aFleet();
    const law = { ...fleet.run(1), sheds: { 'chat/P2': 40, 'chat/P3': 100 } };
    const shed = ask(fleet, { kind: 'Shed', percent: 60 });
    if (!shed.ok || shed.value.kind !== 'Shed') throw new Error('refused');
    const ofClass = { ...shed.value, class: 'P2' };
    expect(operated(law, [shed.value]).sheds).toEqual({ chat: 60, 'chat/P2': 40, 'chat/P3': 100 });
    expect(operated(law, [ofClass]).sheds).toEqual({ 'chat/P2': 60, 'chat/P3': 100 });
    expect(operated(law, [{ ...ofClass, percent: 20 }]).sheds).toEqual(law.sheds);
  });
});

describe('what operators do', () => {
  it('is told as an edit when it moves shares, so that nobody is woken for it', () => {
    const fleet = aFleet();
    const meters = new ShiftMeters();
    const shifts: Shift[] = [];
    const seconds = (count: number) => {
      for (let i = 0; i < count; i++) {
        const before = fleet.state.plan;
        const plan = fleet.run(1);
        const { nowMs, loads } = fleet;
        shifts.push(...meters.step({ nowMs, before, plan, loads, deliveries: [], presence: [] }));
      }
    };
    seconds(20);
    const drain = ask(fleet, { kind: 'Drain', ...FIRST });
    if (!drain.ok) throw new Error('refused');
    fleet.operations = [drain.value];
    seconds(40);
    expect(shifts.map(({ endpoint, cause }) => [endpoint, cause])).toContainEqual(['chat/gpu/10.0.0.1:8000', 'Policy']);
    expect(shifts.filter(({ cause }) => cause !== 'Policy')).toEqual([]);
  });

  it('is a function of the plan: some sidecars may be given one with it, others one without', () => {
    const fleet = aFleet();
    const law = fleet.run(1);
    const drain = ask(fleet, { kind: 'Drain', ...FIRST });
    const shed = ask(fleet, { kind: 'Shed', percent: 5 });
    if (!drain.ok || !shed.ok) throw new Error('refused');
    const both = operated(law, [drain.value, shed.value]);
    expect(healthOf(both)).toEqual(['up', 'out', 'up', 'up']);
    expect(changed(law, both)).toEqual(['ClusterLoadAssignment chat', 'Runtime lapsing']);
    expect(operated(both, [drain.value, shed.value])).toEqual(both);
    expect(operated(law, [])).toBe(law);
  });

  it('to a service that the policy has no more is without effect', () => {
    const fleet = aFleet();
    const shed = ask(fleet, { kind: 'Shed', percent: 5 });
    if (!shed.ok) throw new Error('refused');
    fleet.operations = [{ ...shed.value, service: 'gone' }];
    expect(fleet.run(1).sheds).toBeUndefined();
  });
});
