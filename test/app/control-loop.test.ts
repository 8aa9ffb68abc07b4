import { describe, expect, it } from 'vitest';
import { ControlLoop } from '../../src/app/control-loop.ts';
import { ControlInbox } from '../../src/app/inbox.ts';
import { LEAVE_GRACE_MS } from '../../src/core/control/index.ts';
import { TYPE_URL } from '../../src/core/resources/index.ts';
import { snapshotKeyText, viewOf } from '../../src/core/snapshot/index.ts';
import type { Delivery, LoadReport, NodePresence, Sample } from '../../src/core/topology/index.ts';
import { staticEndpointSets } from '../../src/edge/discovery/index.ts';
import { Fleet, fleetPolicy, weightsOf } from '../core/control/fleet.ts';

const KEY = { group: 'lab', release: '1.40', listenerOverrides: {} };

function edsOf(loop: ControlLoop): string | undefined {
  const snapshot = loop.snapshot(KEY);
  return snapshot && viewOf(snapshot, TYPE_URL.endpoint).get('chat')?.version;
}

/** A loop that took over after a fleet has shown its slow third server. */
function learned(): { readonly fleet: Fleet; readonly loop: ControlLoop } {
  const fleet = new Fleet(fleetPolicy(), [30, 30, 4]);
  fleet.run(45);
  const loop = new ControlLoop(new ControlInbox(() => {}), () => []);
  loop.restore(JSON.parse(JSON.stringify(fleet.state)), fleet.nowMs);
  return { fleet, loop };
}

describe('the control loop', () => {
  it('has no snapshot and no group before there is a plan', () => {
    const loop = new ControlLoop(new ControlInbox(() => {}), () => []);
    expect(loop.groups()).toEqual([]);
    expect(loop.snapshot(KEY)).toBeUndefined();
    loop.rest();
    expect(loop.plan).toBeUndefined();
  });

  it('serves the bytes of the checkpoint before its first tick, and after it', () => {
    const { fleet, loop } = learned();
    const before = edsOf(loop);
    const ticked = loop.tick(
      { policy: fleet.policy, endpointSets: staticEndpointSets(fleet.policy) },
      fleet.nowMs + 500,
    );
    expect(ticked.pushed).toEqual([]);
    expect(edsOf(loop)).toBe(before);
    expect(loop.groups()).toEqual(['lab']);
    loop.retain([snapshotKeyText(KEY)]);
    expect(edsOf(loop)).toBe(before);
  });

  it('tells which services were pushed: those whose weights or members moved, by the tick that moved them', () => {
    const fleet = new Fleet(fleetPolicy(), [30, 30, 4]);
    const inbox = new ControlInbox(() => {});
    const loop = new ControlLoop(inbox, () => []);
    const sets = staticEndpointSets(fleet.policy);
    const first = loop.tick({ policy: fleet.policy, endpointSets: sets }, fleet.nowMs);
    expect(first.pushed.map(({ service }) => service)).toEqual(['chat']);
    let before = JSON.stringify(weightsOf(first.plan));
    let pushes = 0;
    fleet.tick({ presence: fleet.connected() });
    for (let i = 0; i < 45; i++) {
      fleet.run(1);
      for (const report of fleet.lastReports) inbox.report(report);
      const { plan, pushed } = loop.tick({ policy: fleet.policy, endpointSets: sets }, fleet.nowMs);
      const after = JSON.stringify(weightsOf(plan));
      expect(pushed.length, `tick ${i}`).toBe(after === before ? 0 : 1);
      pushes += pushed.length;
      before = after;
    }
    expect(pushes).toBeGreaterThan(0);
    const gone = sets.map((set) => ({ ...set, endpoints: set.endpoints.slice(1) }));
    expect(loop.tick({ policy: fleet.policy, endpointSets: gone }, fleet.nowMs + 1000).pushed).toHaveLength(1);
  });

  it('takes the inbox and the samples once: what one tick had the next has not', () => {
    const samples: Sample[] = [];
    let taken = 0;
    const inbox = new ControlInbox(() => {});
    const fleet = new Fleet(fleetPolicy(), [9, 9, 9]);
    const loop = new ControlLoop(inbox, () => {
      taken += 1;
      return samples;
    });
    for (const presence of fleet.connected()) inbox.presence(presence);
    loop.tick({ policy: fleet.policy, endpointSets: staticEndpointSets(fleet.policy) }, fleet.nowMs);
    expect(inbox.take()).toEqual({ reports: [], presence: [], deliveries: [] });
    expect(taken).toBe(1);
    expect(loop.plan?.sidecars).toEqual({ lab: ['a', 'b'] });
    expect(Object.keys(loop.issuedShares)).toHaveLength(3);
  });

  it('knows how old each kind of signal is, and leaves out what never spoke', () => {
    const fleet = new Fleet(fleetPolicy(), [9, 9, 9]);
    const inbox = new ControlInbox(() => {});
    const base = { sampledAtMs: fleet.nowMs - 300, changedAtMs: fleet.nowMs - 300, source: 'test' };
    const engine: Sample = {
      ...base,
      subject: { address: '10.0.0.1', port: 8000 },
      metric: 'runningRequests',
      value: 3,
    };
    const gpu: Sample = {
      ...base,
      subject: { address: '10.0.0.2', port: 8000, gpu: 'GPU-1' },
      metric: 'gpuUtilRatio',
      value: 0.5,
    };
    const loop = new ControlLoop(inbox, () => [engine, gpu]);
    loop.tick({ policy: fleet.policy, endpointSets: staticEndpointSets(fleet.policy) }, fleet.nowMs);
    expect(loop.signalAgesMs(fleet.nowMs + 700)).toEqual({
      'chat/gpu/10.0.0.1:8000': { engine: 1000 },
      'chat/gpu/10.0.0.2:8000': { gpu: 1000 },
      'chat/gpu/10.0.0.3:8000': {},
    });
    fleet.run(1);
    for (const report of fleet.lastReports) inbox.report(report);
    loop.tick({ policy: fleet.policy, endpointSets: staticEndpointSets(fleet.policy) }, fleet.nowMs);
    const reported = Math.max(...fleet.lastReports.map(({ receivedAtMs }) => receivedAtMs));
    expect(loop.signalAgesMs(fleet.nowMs)['chat/gpu/10.0.0.3:8000']).toEqual({ reports: fleet.nowMs - reported });
  });

  it('rests at what was learned for good, with a plan of its own number, and takes up its work where it was', () => {
    const { fleet, loop } = learned();
    const weights = weightsOf(loop.plan!);
    const { sequence } = loop.plan!;
    const third = 'chat/gpu/10.0.0.3:8000';
    const chat = loop.state.weights.chat!;
    const endpoints = { ...chat.endpoints, [third]: { ...chat.endpoints[third]!, resting: 640 } };
    loop.restore({ ...loop.state, weights: { chat: { ...chat, endpoints } } }, fleet.nowMs);
    loop.rest();
    expect(weightsOf(loop.plan!)).toEqual([1000, 1000, 640]);
    expect(loop.plan?.sequence).toBe(sequence + 1);
    loop.tick({ policy: fleet.policy, endpointSets: staticEndpointSets(fleet.policy) }, fleet.nowMs + 1000);
    expect(weightsOf(loop.plan!)).toEqual(weights);
  });

  it('keeps members through a restart for the grace', () => {
    const { fleet, loop } = learned();
    const sets = staticEndpointSets(fleet.policy);
    loop.tick({ policy: fleet.policy, endpointSets: sets }, fleet.nowMs + LEAVE_GRACE_MS);
    expect(loop.plan?.sidecars).toEqual({ lab: ['a', 'b'] });
    loop.tick({ policy: fleet.policy, endpointSets: sets }, fleet.nowMs + LEAVE_GRACE_MS + 1);
    expect(loop.plan?.sidecars).toEqual({ lab: [] });
  });
});

describe('the inbox', () => {
  const report = (nodeId: string): LoadReport => ({
    nodeId,
    receivedAtMs: 0,
    intervalMs: 1000,
    absentMeansIdle: true,
    clusters: [],
  });

  it('tells deliveries and presence at once, and keeps them for the tick', () => {
    const heard: string[] = [];
    const inbox = new ControlInbox(({ kind }) => heard.push(kind));
    const presence: NodePresence = { nodeId: 'a', group: 'lab', kind: 'Connected', atMs: 1, envoyVersion: '' };
    inbox.presence(presence);
    const delivery: Delivery = { nodeId: 'a', typeUrl: 'x', kind: 'Acked', resources: [], atMs: 2 };
    inbox.delivery(delivery);
    expect(heard).toEqual(['Connected', 'Acked']);
    expect(inbox.take()).toEqual({ reports: [], presence: [presence], deliveries: [delivery] });
    expect(inbox.take()).toEqual({ reports: [], presence: [], deliveries: [] });
  });

  it('is bounded: the oldest reports go first', () => {
    const inbox = new ControlInbox(() => {});
    const extra = 3;
    for (let i = 0; i < ControlInbox.MAX_REPORTS + extra; i++) inbox.report(report(String(i)));
    const { reports } = inbox.take();
    expect(reports).toHaveLength(ControlInbox.MAX_REPORTS);
    expect(reports[0]?.nodeId).toBe(String(extra));
    expect(inbox.take().reports).toEqual([]);
  });
});
