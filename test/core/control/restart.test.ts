import { describe, expect, it } from 'vitest';
import { Compiler, type ControlState, type Plan, restoreState } from '../../../src/core/control/index.ts';
import { TYPE_URL } from '../../../src/core/resources/index.ts';
import { type Snapshot, viewOf } from '../../../src/core/snapshot/index.ts';
import { decodeGeneration, encodeGeneration } from '../../../src/edge/store/generation.ts';
import { Fleet, fleetPolicy, weightsOf } from './fleet.ts';

const KEY = { group: 'lab', release: '1.40', listenerOverrides: {} };

/** The state as the next process finds it: through the bytes of a checkpoint. */
function throughDisk(state: ControlState): ControlState {
  const decoded = decodeGeneration(encodeGeneration({ generation: 1, content: state }));
  if (!decoded.ok) expect.fail(decoded.reason);
  return decoded.value.content as ControlState;
}

function bytesOf(snapshot: Snapshot | undefined): Readonly<Record<string, string>> {
  const views = Object.values(TYPE_URL).flatMap((url) => [...viewOf(snapshot as Snapshot, url).values()]);
  return Object.fromEntries(
    views.map(({ typeUrl, name, delta }) => [`${typeUrl} ${name}`, Buffer.from(delta).toString('base64')]),
  );
}

/** A fleet that has learned that its third server is slow, and a successor that starts from its checkpoint. */
function killed(awayMs: number): { readonly before: Fleet; readonly after: Fleet } {
  const before = new Fleet(fleetPolicy(), [30, 30, 4]);
  before.run(45);
  const after = new Fleet(before.policy, before.speeds);
  after.nowMs = before.nowMs + awayMs;
  after.state = restoreState(throughDisk(before.state), after.nowMs);
  after.inFlight.splice(0, 3, ...before.inFlight);
  return { before, after };
}

describe('a restart', () => {
  it('finds the state exactly as it was: it goes round through JSON', () => {
    const fleet = new Fleet(fleetPolicy(), [30, 30, 4]);
    fleet.run(45);
    expect(throughDisk(fleet.state)).toEqual(fleet.state);
  });

  it.each([200, 5000, 120_000])('after %i ms sends the bytes of before the kill', (awayMs) => {
    const { before, after } = killed(awayMs);
    const weights = weightsOf(before.state.plan as Plan);
    expect(new Set(weights).size).toBeGreaterThan(1);
    const expected = bytesOf(new Compiler().snapshot(before.state.plan as Plan, KEY));
    const compiler = new Compiler();
    const first = after.tick();
    expect(weightsOf(first)).toEqual(weights);
    expect(first.sequence).toBe(before.state.plan?.sequence);
    expect(bytesOf(compiler.snapshot(first, KEY))).toEqual(expected);
    // Nobody is back yet; everybody has the grace, so nobody's share of a limit moves either.
    after.nowMs += 20_000;
    expect(bytesOf(compiler.snapshot(after.tick(), KEY))).toEqual(expected);
  });

  it('goes on as if it had not happened: the same plans as a server that lived through it', () => {
    const { before, after } = killed(0);
    after.state = { ...after.state, sidecars: before.state.sidecars };
    for (let i = 0; i < 30; i++) {
      const plan = before.run(1);
      after.nowMs = before.nowMs;
      expect(JSON.stringify(after.tick({ reports: before.lastReports }))).toBe(JSON.stringify(plan));
    }
  });

  it('does not learn again: the slow server keeps its weight, which a server without a checkpoint would not know', () => {
    const { before, after } = killed(10_000);
    const weights = weightsOf(before.state.plan as Plan);
    after.tick({ presence: after.connected() });
    for (let i = 0; i < 5; i++) expect(weightsOf(after.run(1)), `${i + 1} s after`).toEqual(weights);
    const fresh = new Fleet(before.policy, before.speeds);
    expect(weightsOf(fresh.tick())).not.toEqual(weights);
  });

  it('under a clock that was set back goes on as under one that was not', () => {
    const [steady, turned] = [new Fleet(fleetPolicy(), [30, 30, 30]), new Fleet(fleetPolicy(), [30, 30, 30])];
    for (const fleet of [steady, turned]) {
      fleet.run(45);
      if (fleet === turned) fleet.nowMs -= 3_600_000;
      fleet.state = restoreState(throughDisk(fleet.state), fleet.nowMs);
      fleet.tick({ presence: fleet.connected() });
      fleet.speeds[2] = 4;
    }
    const said = (fleet: Fleet) => {
      const { outcome, endpoints } = fleet.run(1).decisions.chat!;
      return { outcome, weights: endpoints.map(({ weight, share }) => `${weight} ${share}`) };
    };
    for (let i = 0; i < 60; i++) expect(said(turned), `${i + 1} s after`).toEqual(said(steady));
    expect(new Set(weightsOf(turned.state.plan as Plan)).size).toBeGreaterThan(1);
  });

  it('moves no instant that lies in the past, nor anything else', () => {
    const fleet = new Fleet(fleetPolicy(), [30, 30, 4]);
    fleet.run(45);
    const state = throughDisk(fleet.state);
    const later = restoreState(state, fleet.nowMs + 5000);
    expect({ ...later, sidecars: {} }).toEqual({ ...state, sidecars: {} });
    const earlier = restoreState(state, fleet.nowMs - 5000);
    expect(earlier.atMs).toBe(state.atMs - 5000);
    expect(earlier.plan?.policy).toEqual(state.plan?.policy);
    const instants = JSON.stringify(earlier).match(/18000000\d{5}/g) ?? [];
    expect(instants.length).toBeGreaterThan(50);
    expect(instants.filter((text) => Number(text) > fleet.nowMs - 5000)).toEqual([]);
  });

  it('forgets a sidecar that did not come back within the grace', () => {
    const { after } = killed(5000);
    after.nowMs += 30_000;
    expect(after.tick({ presence: after.connected().slice(0, 1) }).sidecars).toEqual({ lab: ['a', 'b'] });
    after.nowMs += 2000;
    expect(after.tick().sidecars).toEqual({ lab: ['a'] });
  });
});
