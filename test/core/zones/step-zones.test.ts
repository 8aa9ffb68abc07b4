import { describe, expect, it } from 'vitest';
import type { Endpoint, LoadReport } from '../../../src/core/topology/index.ts';
import type { ServiceDecision } from '../../../src/core/weights/index.ts';
import { capacityOf, stepZones, type ZoneState } from '../../../src/core/zones/index.ts';
import { anEndpoint } from '../resources/build-policy.ts';

const TERMS = { capacity: 0, speed: 0, inFlight: 0, foreign: 0, health: 0, ramp: 0, feedForward: 0 };
const POOLS = [['gpu']];

/** Two servers in each of two zones. */
const ENDPOINTS: readonly Endpoint[] = ['a', 'a', 'b', 'b'].map((zone, i) => anEndpoint('chat', 9101 + i, { zone }));

function decision(shares: readonly number[], pushed = false, of = ENDPOINTS): ServiceDecision {
  return {
    service: 'chat',
    outcome: pushed ? 'Pushed' : 'HeldDeadBand',
    atMs: 10_000,
    decidedAtMs: pushed ? 10_000 : 1000,
    equal: false,
    endpoints: of.map(({ id }, i) => {
      const share = shares[i] as number;
      const health = share === 0 ? ('Draining' as const) : ('Healthy' as const);
      return { id, weight: 1000, previousWeight: 1000, share, health, terms: TERMS, clamps: [] };
    }),
  };
}

function report(nodeId: string, counts: readonly number[]): LoadReport {
  const rows = ENDPOINTS.flatMap(({ address, port }, i) => {
    const issued = counts[i] ?? 0;
    return issued === 0 ? [] : [{ address, port, issued, inProgress: 0, succeeded: issued, errors: 0 }];
  });
  return {
    nodeId,
    receivedAtMs: 9_900,
    intervalMs: 1000,
    absentMeansIdle: true,
    clusters: [
      { cluster: 'chat', endpoints: rows },
      { cluster: 'other', endpoints: rows },
    ],
  };
}

const SENDERS = new Map([
  ['in-a', 'a'],
  ['in-b', 'b'],
]);

function step(before: ZoneState | undefined, over: Partial<Parameters<typeof stepZones>[1]> = {}): ZoneState {
  return stepZones(before, {
    service: 'chat',
    elapsedSec: 1,
    endpoints: ENDPOINTS,
    decision: decision([0.25, 0.25, 0.25, 0.25]),
    balances: POOLS,
    reports: [],
    senders: SENDERS,
    frozen: false,
    ...over,
  });
}

/** So many seconds of the same traffic. */
function held(seconds: number, start: ZoneState | undefined, over: Parameters<typeof step>[1]): ZoneState {
  let state = start;
  for (let i = 0; i < seconds; i += 1) state = step(state, over);
  return state as ZoneState;
}

describe('who asks', () => {
  it('is guessed from the number of sidecars in each zone until they say it themselves', () => {
    const senders = new Map([...SENDERS, ['other-in-a', 'a'], ['nowhere', 'zone-without-servers']]);
    expect(step(undefined, { senders }).sent.demand).toEqual({ '': 0.25, a: 0.5, b: 0.25 });
    expect(step(undefined, { senders: new Map() }).sent.demand).toEqual({});
  });

  it('is what they have issued of late, each service by itself, by the zone of the sidecar', () => {
    const reports = [report('in-a', [60, 60, 30, 30]), report('in-b', [15, 15, 15, 15]), report('a stranger', [900])];
    const state = held(60, undefined, { reports });
    expect(state.sent.demand.a).toBeCloseTo(0.75, 1);
    expect(state.sent.demand.b).toBeCloseTo(0.25, 1);
    // Of 180 requests of zone a 120 went to its own servers, of 60 of zone b 30.
    const total = Object.values(state.asked).reduce((sum, count) => sum + count, 0);
    expect(state.stayed / total).toBeCloseTo(150 / 240, 2);
  });

  it('is not forgotten while nobody asks', () => {
    const busy = held(60, undefined, { reports: [report('in-a', [60, 60])] });
    expect(held(3600, busy, {}).sent).toEqual(busy.sent);
  });

  it('is not what cannot be a count', () => {
    const odd = report('in-a', [Number.NaN, Number.POSITIVE_INFINITY, -5, 10]);
    expect(step(undefined, { reports: [odd] }).asked).toEqual({ a: 10 });
  });
});

describe('what sidecars are given', () => {
  it('knows of a zone as soon as somebody is there', () => {
    const nobody = step(undefined, { senders: new Map() });
    expect(step(nobody).sent.demand).toEqual({ a: 0.5, b: 0.5 });
    expect(step(step(nobody), { senders: new Map([...SENDERS, ['new', '']]) }).sent.demand).toMatchObject({
      '': 0.3333,
    });
  });

  const reports = [report('in-a', [30, 30]), report('in-b', [0, 0, 30, 30])];
  const steady = held(60, undefined, { reports });

  it('stands while it is hardly wrong', () => {
    const noise = decision([0.26, 0.245, 0.25, 0.245]);
    expect(held(60, steady, { reports, decision: noise }).sent).toBe(steady.sent);
    expect(held(60, steady, { reports: [report('in-a', [31, 30]), report('in-b', [0, 0, 29, 30])] }).sent).toBe(
      steady.sent,
    );
  });

  it('follows the law when it takes something from a zone, smoothly', () => {
    const slow = decision([0.1, 0.1, 0.4, 0.4]);
    const once = step(steady, { reports, decision: slow });
    expect(once.sent.capacity.gpu?.a).toBeGreaterThan(0.3);
    expect(once.sent.capacity.gpu?.a).toBeLessThan(0.45);
    expect(held(20, steady, { reports, decision: slow }).sent.capacity.gpu?.a).toBeCloseTo(0.2, 1);
  });

  it('follows those who ask', () => {
    const moved = held(60, steady, { reports: [report('in-a', [60, 60]), report('in-b', [0, 0, 20, 20])] });
    expect(moved.sent.demand.a).toBeCloseTo(0.75, 1);
  });

  it('is new with every push of the law, which restarts the pick order anyway', () => {
    const now = step(steady, { reports, decision: decision([0.26, 0.245, 0.25, 0.245], true) });
    expect(now.sent).not.toBe(steady.sent);
  });

  it('is new at once when all servers of a zone go', () => {
    const gone = step(steady, { reports, decision: decision([0, 0, 0.5, 0.5]) });
    expect(gone.sent.capacity).toEqual({ gpu: { b: 1 } });
    const back = step(gone, { reports, decision: decision([0.1, 0.1, 0.4, 0.4]) });
    expect(back.sent.capacity).toEqual({ gpu: { a: 0.2, b: 0.8 } });
  });

  it('stays while an operator holds the weights', () => {
    const moved = { reports: [report('in-a', [90, 90])], decision: decision([0, 0, 0.5, 0.5], true), frozen: true };
    expect(held(60, steady, moved).sent).toBe(steady.sent);
  });

  it('waits longer the fewer requests there are: a few from one zone in a row are chance', () => {
    const few = held(60, undefined, { reports: [report('in-a', [1]), report('in-b', [0, 0, 1])] });
    expect(held(3, few, { reports: [report('in-a', [2])] }).sent).toBe(few.sent);
  });

  it('counts each balance by itself: tiers, and the pools of a fixed split', () => {
    const endpoints = ENDPOINTS.map((one, i) => ({ ...one, pool: i % 2 === 0 ? 'first' : 'second' }));
    const state = step(undefined, {
      endpoints,
      balances: [['first'], ['second']],
      decision: decision([0.8, 0.3, 0.2, 0.7], false, endpoints),
    });
    expect(state.sent.capacity).toEqual({ first: { a: 0.8, b: 0.2 }, second: { a: 0.3, b: 0.7 } });
    expect(capacityOf(state.sent, ['first'])).toEqual({ a: 0.8, b: 0.2 });
    const mixed = capacityOf(state.sent, ['first', 'second', 'constructor'], (pool) => (pool === 'first' ? 3 : 1));
    expect(mixed.a).toBeCloseTo(2.7, 9);
  });
});
