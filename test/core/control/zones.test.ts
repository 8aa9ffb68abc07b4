import { describe, expect, it } from 'vitest';
import { Compiler, type ControlState, restoreState, whyUnusable, zoneIn } from '../../../src/core/control/index.ts';
import type { Operation } from '../../../src/core/operations/index.ts';
import { TYPE_URL } from '../../../src/core/resources/index.ts';
import { type Snapshot, viewOf } from '../../../src/core/snapshot/index.ts';
import { decodeGeneration, encodeGeneration } from '../../../src/edge/store/generation.ts';
import { Fleet } from './fleet.ts';
import { zonedFleet } from './zoned-fleet.ts';

const KEY = { group: 'lab', release: '1.40', listenerOverrides: {} };

function versionFor(compiler: Compiler, state: ControlState, zone: string): string | undefined {
  const snapshot = compiler.snapshot(state.plan as NonNullable<ControlState['plan']>, { ...KEY, zone });
  return viewOf(snapshot as Snapshot, TYPE_URL.endpoint).get('chat')?.version;
}

describe('a service that prefers the same zone', () => {
  it('knows who asks from where, and says it in the Plan', () => {
    const fleet = zonedFleet();
    const { zones } = fleet.run(30);
    expect(zones?.chat?.demand.a).toBeCloseTo(0.5, 1);
    expect(zones?.chat?.capacity.gpu?.a).toBeCloseTo(0.5, 1);
    const compiler = new Compiler();
    expect(versionFor(compiler, fleet.state, 'a')).not.toBe(versionFor(compiler, fleet.state, 'b'));
  });

  it('takes who says no zone, or one without servers, for sidecars of no zone', () => {
    expect(zonedFleet({ b: 'elsewhere' }).run(30).zones?.chat?.demand).toEqual({ '': 1 });
  });

  it('does not count who takes only endpoints: nobody divides its requests by zone', () => {
    const fleet = zonedFleet();
    const stranger = { nodeId: 'b', group: '', zone: 'b', kind: 'Connected' as const, atMs: 1, envoyVersion: '' };
    fleet.tick({ presence: [stranger] });
    expect(fleet.run(60).zones?.chat?.demand.a).toBeGreaterThan(0.9);
  });

  it('sends less to a zone whose servers are slow, by its share and not by its size', () => {
    const fleet = zonedFleet();
    fleet.run(30);
    fleet.speeds.splice(0, 2, 2, 2);
    expect(fleet.run(90).zones?.chat?.capacity.gpu?.a).toBeLessThan(0.4);
  });

  it('makes no new Plan while nothing moves noticeably', () => {
    const fleet = zonedFleet();
    const { sequence } = fleet.run(60);
    expect(fleet.run(60).sequence).toBe(sequence);
  });

  it('is held with the weights while an operator freezes them', () => {
    const fleet = zonedFleet();
    const { zones } = fleet.run(30);
    const freeze: Operation = {
      kind: 'Freeze',
      id: 'f',
      service: 'chat',
      reason: 'r',
      author: 'me',
      startedAtMs: fleet.nowMs,
      endsAtMs: fleet.nowMs + 3_600_000,
      forced: false,
      weights: {},
    } as Operation;
    fleet.operations = [freeze];
    fleet.speeds.splice(0, 2, 2, 2);
    expect(fleet.run(60).zones).toEqual(zones);
  });

  it('sends the same bytes after a restart, though nobody has reported yet', () => {
    const fleet = zonedFleet();
    fleet.run(45);
    const decoded = decodeGeneration(encodeGeneration({ generation: 1, content: fleet.state }));
    if (!decoded.ok) expect.fail(decoded.reason);
    const later = new Fleet(fleet.policy, fleet.speeds);
    later.nowMs = fleet.nowMs + 5000;
    later.state = restoreState(decoded.value.content as ControlState, later.nowMs);
    const before = versionFor(new Compiler(), fleet.state, 'a');
    expect(versionFor(new Compiler(), later.state, 'a')).toBe(before);
    later.tick();
    expect(versionFor(new Compiler(), later.state, 'a')).toBe(before);
    expect(later.state.zones).toEqual(fleet.state.zones);
  });

  it('does not go on from a state that is none', () => {
    const fleet = zonedFleet();
    fleet.run(5);
    const { state, policy } = fleet;
    const edited = { ...state, zones: { chat: { asked: { a: 1 } } } } as unknown as ControlState;
    expect(whyUnusable(edited, policy, fleet.input().endpointSets, [], fleet.nowMs)).toBeDefined();
    expect(whyUnusable(state, policy, fleet.input().endpointSets, [], fleet.nowMs)).toBeUndefined();
  });
});

describe('without the preference', () => {
  it('zones are nowhere: not in the state, not in the Plan, not in the kinds of sidecars', () => {
    const fleet = zonedFleet({ a: 'a', b: 'b' }, false);
    fleet.run(5);
    expect(fleet.state).not.toHaveProperty('zones');
    expect(fleet.state.plan).not.toHaveProperty('zones');
    expect(zoneIn(fleet.state.plan, 'lab', 'a')).toBeUndefined();
  });
});

describe('the kinds of sidecars', () => {
  it('are as many as there are zones with servers, and one: nobody can make up more', () => {
    const { plan } = zonedFleet().state;
    expect(['a', 'b', 'c', '', '__proto__'].map((zone) => zoneIn(plan, 'lab', zone))).toEqual(['a', 'b', '', '', '']);
    expect(zoneIn(plan, 'no such group', 'a')).toBeUndefined();
    expect(zoneIn(undefined, 'lab', 'a')).toBeUndefined();
  });

  it('share one structure, which is made and kept once', () => {
    const fleet = zonedFleet();
    const compiler = new Compiler();
    for (const zone of ['', 'a', 'b']) versionFor(compiler, fleet.state, zone);
    expect(compiler.structures()).toHaveLength(1);
    expect(compiler.structures()[0]?.key).toEqual(KEY);
    // What was kept of it stands for all zones.
    const frozen = new Compiler(compiler.structures());
    versionFor(frozen, fleet.state, 'a');
    expect(frozen.structures()[0]?.resources).toBe(compiler.structures()[0]?.resources);
    compiler.retain([]);
    expect(compiler.structures()).toHaveLength(0);
  });
});
