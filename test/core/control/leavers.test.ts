import { describe, expect, it } from 'vitest';
import { leavingReasons, type Plan, restoreState } from '../../../src/core/control/index.ts';
import type { LeavingFacts } from '../../../src/core/control/leavers.ts';
import { membersOf } from '../../../src/core/control/members.ts';
import type { ModelService } from '../../../src/core/policy/index.ts';
import type { Endpoint, EndpointSet } from '../../../src/core/topology/index.ts';
import { anEndpoint, aService } from '../resources/build-policy.ts';
import { Fleet, type FleetOptions, fleetPolicy } from './fleet.ts';

const LEAVER = 'chat/gpu/10.0.0.3:8000';
const DRAIN = '  drain: { deadline: 30s }\n';

/** A fleet of three that has served, whose third server is no more in the policy; `stuck`: what is open there never ends. */
function withoutThird({ lines = DRAIN, stuck = false }: { lines?: string; stuck?: boolean } = {}): Fleet {
  const options = (servers: number): FleetOptions => ({ servers, lines });
  const before = new Fleet(fleetPolicy(options(3)), [30, 30, 30]);
  before.run(10);
  return moved(before, fleetPolicy(options(2)), stuck ? [30, 30, 0] : [30, 30, 30]);
}

/** The same fleet under another policy. */
function moved(before: Fleet, policy: Fleet['policy'], speeds: readonly number[]): Fleet {
  const after = new Fleet(policy, speeds);
  after.nowMs = before.nowMs;
  after.state = before.state;
  after.inFlight.splice(0, before.inFlight.length, ...before.inFlight);
  return after;
}

function leaverIn(plan: Plan): Endpoint | undefined {
  return plan.endpoints.chat?.find(({ id }) => id === LEAVER);
}

/** Seconds until it is gone. */
function secondsUntilGone(fleet: Fleet): number {
  for (let seconds = 1; seconds <= 60; seconds++) if (leaverIn(fleet.run(1)) === undefined) return seconds;
  return Number.POSITIVE_INFINITY;
}

describe('an endpoint that leaves its pool', () => {
  it('is gone at once without `drain`', () => {
    expect(leaverIn(withoutThird({ lines: '' }).run(1))).toBeUndefined();
  });

  it('drains, by health and never by a weight of 0, and says why', () => {
    const fleet = withoutThird({ stuck: true });
    const plan = fleet.run(1);
    expect(leaverIn(plan)).toMatchObject({ lifecycle: 'Draining', leavingSinceMs: fleet.nowMs });
    const decided = plan.decisions.chat?.endpoints.find(({ id }) => id === LEAVER);
    expect(decided).toMatchObject({ health: 'Draining', share: 0 });
    expect(decided?.weight).toBeGreaterThanOrEqual(1);
    const until = new Date(fleet.nowMs + 30_000).toISOString().replace('.000', '');
    expect(leavingReasons(plan, 'chat').get(LEAVER)).toBe(
      `drains: it left its pool, takes no new requests, and goes when none is open there, at ${until} at the latest`,
    );
  });

  it('goes when nothing is in flight there, and not before its sidecars can have heard', () => {
    const idle = withoutThird();
    idle.inFlight[2] = 0;
    expect(secondsUntilGone(idle)).toBe(6);
    const busy = withoutThird({ stuck: true });
    expect(busy.inFlight[2]).toBeGreaterThan(0);
    busy.run(12);
    expect(leaverIn(busy.state.plan as Plan)).toBeDefined();
    busy.speeds[2] = 1000;
    expect(secondsUntilGone(busy)).toBeLessThan(12);
  });

  it('goes at the deadline whatever runs there', () => {
    expect(secondsUntilGone(withoutThird({ stuck: true }))).toBe(31);
  });

  it('keeps its deadline over a restart, also where the clock was set back', () => {
    const before = withoutThird({ stuck: true });
    before.run(11);
    const sinceMs = leaverIn(before.state.plan as Plan)?.leavingSinceMs as number;
    const stored = JSON.parse(JSON.stringify(before.state)) as Fleet['state'];
    for (const backMs of [0, 3_600_000]) {
      const after = moved(before, before.policy, before.speeds);
      after.nowMs -= backMs;
      after.state = restoreState(stored, after.nowMs);
      expect(leaverIn(after.state.plan as Plan)?.leavingSinceMs).toBe(sinceMs - backMs);
      expect(secondsUntilGone(after)).toBe(20);
    }
  });

  it('that comes back takes requests again', () => {
    const away = withoutThird({ stuck: true });
    away.run(3);
    const back = moved(away, fleetPolicy({ servers: 3, lines: DRAIN }), [30, 30, 30]);
    expect(leaverIn(back.run(1))).toEqual({ ...leaverIn(back.state.plan as Plan), lifecycle: 'Active' });
    expect(leaverIn(back.state.plan as Plan)).not.toHaveProperty('leavingSinceMs');
  });

  it('changes no plan while it waits', () => {
    const fleet = withoutThird({ stuck: true });
    fleet.run(8);
    const list = fleet.state.plan?.endpoints.chat;
    expect(fleet.run(1).endpoints.chat).toBe(list);
  });
});

describe('members', () => {
  const NOW = 1_000_000;
  const [one, two, three] = [8001, 8002, 8003].map((port) => anEndpoint('chat', port)) as [
    Endpoint,
    Endpoint,
    Endpoint,
  ];
  const gpu = (...endpoints: readonly Endpoint[]): EndpointSet => ({
    service: 'chat',
    pool: 'gpu',
    complete: true,
    endpoints,
  });
  const pool = (name: string): ModelService['pools'][number] => ({
    name,
    origin: { file: 'p', line: 1, column: 1 },
    capacityType: 'OnDemand',
    endpoints: { kind: 'Static', endpoints: [] },
    signals: {},
  });
  const service = (over: Partial<ModelService> = {}): ModelService =>
    aService('chat', { pools: [pool('gpu')], drain: { deadlineMs: 60_000 }, ...over });
  const facts = (over: Partial<LeavingFacts> = {}): LeavingFacts => ({ nowMs: NOW, openRequests: () => 0, ...over });
  const leaving = (endpoint: Endpoint, sinceMs: number): Endpoint => ({
    ...endpoint,
    lifecycle: 'Draining',
    leavingSinceMs: NOW - sinceMs,
  });
  const ids = (endpoints: readonly Endpoint[]): readonly string[] => endpoints.map(({ id }) => id);

  it.each([
    ['nothing is open, and it was told long ago', 5000, 0, false],
    ['nothing is open, but it has only just left', 4999, 0, true],
    ['something is open', 59_999, 1, true],
    ['nobody knows', 59_999, undefined, true],
    ['its time is over', 60_000, 1, false],
  ])('know one that left while %s', (_why, sinceMs, open, stays) => {
    const last = [one, two, leaving(three, sinceMs)];
    const members = membersOf(service(), [gpu(one, two)], last, facts({ openRequests: () => open }));
    expect(ids(members)).toEqual(ids(stays ? last : [one, two]));
    if (stays) expect(members).toBe(last);
  });

  it('know no address twice: one that is in another pool now has left for good', () => {
    const elsewhere = { ...three, id: 'chat/cpu/127.0.0.1:8003', pool: 'cpu' };
    const cpu = { service: 'chat', pool: 'cpu', complete: true, endpoints: [elsewhere] };
    const both = service({ pools: [pool('gpu'), pool('cpu')] });
    expect(ids(membersOf(both, [gpu(one), cpu], [one, three], facts()))).toEqual(ids([elsewhere, one]));
  });

  it('know those of a pool that was removed, unless its cluster went with it', () => {
    const gone = { ...three, id: 'chat/old/127.0.0.1:8003', pool: 'old' };
    const last = [one, gone];
    expect(ids(membersOf(service(), [gpu(one)], last, facts()))).toEqual(ids([one, gone]));
    const fixed = service({ split: { kind: 'Fixed', weights: { gpu: 1 } } });
    expect(ids(membersOf(fixed, [gpu(one)], last, facts()))).toEqual(ids([one]));
  });

  it('stay while their source is silent, but those that left go all the same', () => {
    const last = [one, leaving(two, 60_000)];
    const silent = { ...gpu(), complete: false };
    expect(ids(membersOf(service(), [silent], last, facts()))).toEqual(ids([one]));
  });
});
