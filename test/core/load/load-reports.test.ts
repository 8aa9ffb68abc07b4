import { describe, expect, it } from 'vitest';
import { applyReports, reportsAreFresh } from '../../../src/core/load/load-reports.ts';
import {
  type EndpointReport,
  indexEndpoints,
  type LoadReport,
  type NodePresence,
} from '../../../src/core/topology/index.ts';
import { endpoint, endpoints, START_MS } from '../weights/beliefs.ts';
import { arrivalsOf, type NamedSidecar, namedOf, placedOf } from './named-sidecars.ts';

const [A, B] = [endpoint(0).id, endpoint(1).id];

function counts(i: number, over: Partial<EndpointReport> = {}): EndpointReport {
  const { address, port } = endpoint(i);
  return { address, port, inProgress: 0, issued: 0, succeeded: 0, errors: 0, ...over };
}

function report(sec: number, all: readonly EndpointReport[], over: Partial<LoadReport> = {}): LoadReport {
  return {
    nodeId: 'a',
    receivedAtMs: START_MS + sec * 1000,
    intervalMs: 1000,
    absentMeansIdle: true,
    clusters: [{ cluster: 'chat', endpoints: all }],
    ...over,
  };
}

function sidecar(over: Partial<NamedSidecar> = {}): NamedSidecar {
  return {
    nodeId: 'a',
    reportedAtMs: START_MS,
    intervalSec: 1,
    baseline: false,
    inFlight: { [A]: 8 },
    pending: {},
    ...over,
  };
}

function apply(
  before: readonly NamedSidecar[],
  reports: readonly LoadReport[],
  { nowMs = START_MS + 1000, presence = [] }: { nowMs?: number; presence?: readonly NodePresence[] } = {},
) {
  const input = { nowMs, service: 'chat', index: indexEndpoints(endpoints(3)), reports, presence };
  const out = applyReports(placedOf(before), input);
  const sidecars = namedOf(out);
  return { sidecars, arrivals: arrivalsOf(out), traffic: out.traffic, first: sidecars[0] };
}

describe('completions', () => {
  it('are what was issued, less what is more in flight, less errors', () => {
    const { arrivals, first } = apply([sidecar()], [report(1, [counts(0, { inProgress: 11, issued: 9, errors: 2 })])]);
    expect(arrivals).toEqual({ [A]: { done: 4, errors: 2 } });
    expect(first).toMatchObject({ inFlight: { [A]: 11 }, baseline: false, reportedAtMs: START_MS + 1000 });
  });

  it('are none rather than negative, and add up over reports and sidecars', () => {
    const odd = apply([sidecar()], [report(1, [counts(0, { inProgress: 20, issued: 5 })])]);
    expect(odd.arrivals).toEqual({});
    const { arrivals } = apply(
      [sidecar(), sidecar({ nodeId: 'b' })],
      [
        report(0.9, [counts(0, { inProgress: 8, issued: 3 })]),
        report(0.4, [counts(0, { inProgress: 8, issued: 2, errors: 1 })]),
        report(0.5, [counts(0, { inProgress: 8, issued: 5, errors: 1 })], { nodeId: 'b' }),
      ],
    );
    expect(arrivals).toEqual({ [A]: { done: 8, errors: 2 } });
  });

  it('of a new stream are unknown: its first report says where counting starts', () => {
    const { arrivals, first } = apply([], [report(1, [counts(0, { inProgress: 5, issued: 90, succeeded: 10 })])]);
    expect(arrivals).toEqual({});
    expect(first).toEqual(sidecar({ reportedAtMs: START_MS + 1000, inFlight: { [A]: 5 } }));
    const presence: NodePresence = {
      nodeId: 'a',
      group: 'lab',
      kind: 'Connected',
      atMs: START_MS,
      envoyVersion: '1.40.0',
    };
    const next = [report(1, [counts(0, { inProgress: 8, issued: 3 })])];
    expect(apply([sidecar()], next, { presence: [presence] }).arrivals).toEqual({});
    expect(apply([sidecar()], next, { presence: [{ ...presence, nodeId: 'z' }] }).arrivals).not.toEqual({});
    expect(apply([sidecar()], next, { presence: [{ ...presence, kind: 'Disconnected' }] }).arrivals).not.toEqual({});
  });

  it('after more than three intervals cover an unknown time', () => {
    const late = (sec: number, over: Partial<LoadReport> = {}) =>
      apply([sidecar()], [report(sec, [counts(0, { inProgress: 8, issued: 3 })], over)], {
        nowMs: START_MS + sec * 1000,
      }).arrivals;
    expect(late(3)).toEqual({ [A]: { done: 3, errors: 0 } });
    expect(late(3.1)).toEqual({});
    expect(late(6, { intervalMs: 2000 })).toEqual({ [A]: { done: 3, errors: 0 } });
  });
});

describe('requests in flight', () => {
  it('are none where an endpoint is absent and absence means idle, and what they were elsewhere', () => {
    const idle = apply([sidecar({ pending: { [A]: 2 } })], [report(1, [counts(1, { inProgress: 1, issued: 1 })])]);
    expect(idle.first).toMatchObject({ inFlight: { [B]: 1 }, pending: { [B]: 1 } });
    expect(idle.arrivals).toEqual({ [A]: { done: 8, errors: 0 } });
    const held = apply(
      [sidecar({ pending: { [A]: 2 } })],
      [report(1, [counts(1, { inProgress: 1, issued: 1 })], { absentMeansIdle: false })],
    );
    expect(held.first).toMatchObject({ inFlight: { [A]: 8, [B]: 1 }, pending: { [A]: 2, [B]: 1 } });
    expect(held.arrivals).toEqual({});
  });

  it('that end are not remembered as zeros', () => {
    expect(apply([sidecar()], [report(1, [counts(0)])]).first).toMatchObject({ inFlight: {}, pending: {} });
  });

  it('stand where a count is no number', () => {
    const { first, arrivals } = apply(
      [sidecar()],
      [report(1, [counts(0, { inProgress: Number.NaN, issued: 3, errors: -1, succeeded: Infinity })])],
    );
    expect(first!.inFlight).toEqual({ [A]: 8 });
    expect(arrivals).toEqual({ [A]: { done: 3, errors: 0 } });
    expect(apply([sidecar()], [report(1, [counts(0, { inProgress: 8, issued: Number.NaN })])]).arrivals).toEqual({});
  });

  it('of an address in two localities add up', () => {
    const half = counts(0, { inProgress: 5, issued: 2, errors: 1, succeeded: 1 });
    const { first, arrivals } = apply([sidecar()], [report(1, [half, half])]);
    expect(first).toMatchObject({ inFlight: { [A]: 10 }, pending: {} });
    expect(arrivals).toEqual({ [A]: { done: 0, errors: 2 } });
    const one = apply([sidecar()], [report(1, [half, { ...half, inProgress: Number.NaN }])]);
    expect(one.first!.inFlight).toEqual({ [A]: 5 });
  });

  it('of unknown addresses and other services are passed over', () => {
    const stranger = { ...counts(0, { inProgress: 5 }), address: '10.9.9.9' };
    expect(apply([sidecar({ inFlight: {} })], [report(1, [stranger])]).first!.inFlight).toEqual({});
    const other = report(1, [], { clusters: [{ cluster: 'other', endpoints: [counts(0, { inProgress: 5 })] }] });
    expect(apply([], [other]).sidecars).toEqual([]);
    expect(apply([sidecar()], [other]).first).toMatchObject({ inFlight: {}, reportedAtMs: START_MS + 1000 });
  });
});

describe('requests that were issued', () => {
  it('are counted from the first report on, over sidecars, and once', () => {
    const one = report(1, [counts(0, { inProgress: 2, issued: 6 }), counts(1, { issued: 2 })]);
    const { traffic } = apply([], [one, one, { ...one, nodeId: 'b' }, { ...one, nodeId: 'c', clusters: [] }]);
    expect(traffic.map(({ issued }) => issued)).toEqual([12, 4, 0]);
  });
});

describe('an endpoint that left', () => {
  const [gone] = endpoints(9).slice(8);
  const left = sidecar({ inFlight: { [gone!.id]: 5, [A]: 8 }, pending: { [gone!.id]: 3, [A]: 1 } });

  it('keeps its requests until the next report of their sidecar, which has completed them', () => {
    expect(apply([left], []).first).toEqual(left);
    const { first, arrivals } = apply([left], [report(1, [counts(0, { inProgress: 8 })])]);
    expect(first!.inFlight).toEqual({ [A]: 8 });
    expect(arrivals).toEqual({ [gone!.id]: { done: 5, errors: 0 } });
  });

  it('is forgotten where absence says nothing: no report will ever name it again', () => {
    const { first, arrivals } = apply([left], [report(1, [], { absentMeansIdle: false })]);
    expect(first).toMatchObject({ inFlight: { [A]: 8 }, pending: { [A]: 1 } });
    expect(arrivals).toEqual({});
  });
});

describe('requests without headers', () => {
  const pending = (before: number, over: Partial<EndpointReport>) =>
    apply([sidecar({ pending: { [A]: before } })], [report(1, [counts(0, { inProgress: 8, ...over })])]).first!.pending[
      A
    ];

  it('are counted by conservation, within what is in flight', () => {
    expect(pending(3, { issued: 5, succeeded: 2, errors: 1 })).toBe(5);
    expect(pending(3, { issued: 50 })).toBe(8);
    expect(pending(3, { succeeded: 5 })).toBeUndefined();
  });

  it('are unknown on a new stream', () => {
    expect(apply([], [report(1, [counts(0, { inProgress: 5, issued: 5 })])]).first!.pending).toEqual({});
  });
});

describe('a sidecar', () => {
  it('is gone with its requests after ten silent intervals', () => {
    const at = (sec: number, intervalSec = 1) =>
      apply([sidecar({ intervalSec })], [], { nowMs: START_MS + sec * 1000 }).sidecars.length;
    expect(at(10)).toBe(1);
    expect(at(10.1)).toBe(0);
    expect(at(20, 2)).toBe(1);
  });

  it('speaks once for one instant, and not of the past', () => {
    const same = report(1, [counts(0, { inProgress: 9, issued: 3 })]);
    expect(apply([sidecar()], [same, same]).arrivals).toEqual({ [A]: { done: 2, errors: 0 } });
    expect(apply([sidecar()], [report(0, [counts(0)])]).first).toEqual(sidecar());
    expect(apply([sidecar()], [report(-5, [counts(0)])]).first).toEqual(sidecar());
  });

  it('cannot report from the future, nor stay fresh after a clock was set back', () => {
    expect(apply([sidecar()], [report(99, [counts(0)])]).first!.reportedAtMs).toBe(START_MS + 1000);
    const ahead = apply([sidecar({ reportedAtMs: START_MS + 3_600_000 })], []);
    expect(ahead.first!.reportedAtMs).toBe(START_MS + 1000);
    expect(apply([sidecar()], [report(Number.NaN, [counts(0)])]).first).toEqual(sidecar());
  });

  it('has an interval of 0.1 to 60 s, one second where it says nothing that can be', () => {
    const interval = (intervalMs: number) => apply([], [report(1, [], { intervalMs })]).first!.intervalSec;
    expect([2500, 1, 600_000, 0, Number.NaN, 4e6].map(interval)).toEqual([2.5, 0.1, 60, 1, 1, 1]);
  });

  it('stands in the order of its name', () => {
    const all = ['c', 'a', 'b'].map((nodeId) => report(1, [], { nodeId }));
    expect(apply([], all).sidecars.map(({ nodeId }) => nodeId)).toEqual(['a', 'b', 'c']);
  });
});

describe('load reports', () => {
  it('are fresh while one sidecar has reported within five intervals', () => {
    const fresh = (sec: number, ...all: readonly NamedSidecar[]) =>
      reportsAreFresh(placedOf(all).sidecars, START_MS + sec * 1000);
    expect(fresh(5, sidecar())).toBe(true);
    expect(fresh(5.1, sidecar())).toBe(false);
    expect(fresh(9, sidecar(), sidecar({ intervalSec: 2 }))).toBe(true);
    expect(fresh(0)).toBe(false);
  });
});
