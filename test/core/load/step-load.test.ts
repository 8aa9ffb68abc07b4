import { describe, expect, it } from 'vitest';
import { type ServiceLoad, stepLoad } from '../../../src/core/load/index.ts';
import type { Endpoint, Metric, Sample } from '../../../src/core/topology/index.ts';
import { endpoint, endpoints, START_MS } from '../weights/beliefs.ts';
import { inputAt, live, N, page, report, type Second, sample, steady } from './seconds.ts';

describe('beliefs', () => {
  it('take a page that repeats itself under load for a frozen one, unless the engine has no counter that would move', () => {
    const repeated =
      (metrics: readonly Metric[]) =>
      (atMs: number, sec: number): Second => ({
        samples: endpoints(N).flatMap((_, i) =>
          metrics.map((metric) => ({
            ...sample(i, metric, 8, atMs),
            changedAtMs: sec === 0 ? atMs : START_MS - 200,
          })),
        ),
        reports: [report(atMs, () => ({ inFlight: 8, issued: 2 }))],
      });
    const engines = (metrics: readonly Metric[]) =>
      live(20, repeated(metrics)).load.endpoints.map(({ engine }) => engine);
    expect(engines(['runningRequests', 'waitingRequests'])).toEqual(Array(N).fill('Fresh'));
    expect(engines(['runningRequests', 'waitingRequests', 'generationTokensTotal'])).toEqual(Array(N).fill('Stale'));
  });

  it('take the batch limit that an engine states, keep it through silence, and let the policy overrule it', () => {
    const stated = (atMs: number): Second => ({
      ...steady(atMs),
      samples: [...(steady(atMs).samples ?? []), sample(0, 'maxRunningRequests', 24, atMs)],
    });
    const slotsOf = ({ load }: { load: ServiceLoad }) =>
      load.endpoints.map(({ slots, slotsKnown }) => [slots, slotsKnown]);
    const told = live(5, stated);
    expect(slotsOf(told).slice(0, 2)).toEqual([
      [24, true],
      [64, false],
    ]);
    expect(slotsOf(live(60, () => ({}), told.state, 5))[0]).toEqual([24, true]);
    const overruled = endpoints(N).map((one) => ({ ...one, maxRunningRequests: 40 }));
    expect(slotsOf(live(5, (atMs) => ({ ...stated(atMs), endpoints: overruled })))[0]).toEqual([40, true]);
  });

  it('go on from a state that was saved before some of its fields were there', () => {
    const { state } = live(5, steady);
    const old = structuredClone(state);
    for (const memory of Object.values(old.endpoints)) {
      for (const key of ['slotsStated', 'slotsByKv', 'capacitySlots'] as const)
        delete (memory as Partial<typeof memory>)[key];
      delete (memory.engine as Partial<NonNullable<typeof memory.engine>>).maxRunning;
    }
    const input = inputAt(START_MS + 5000, steady(START_MS + 4800));
    expect(stepLoad(old, input).load).toEqual(stepLoad(state, input).load);
  });

  it('keep what a well filled KV cache taught when the cache empties', () => {
    const filled =
      (kvUsageRatio: number, running: number) =>
      (atMs: number): Second => ({
        samples: endpoints(N).flatMap((_, i) => [
          ...page(i, atMs, { running }),
          sample(i, 'kvUsageRatio', kvUsageRatio, atMs),
        ]),
        reports: [report(atMs, () => ({ inFlight: running, issued: 2 }))],
      });
    // 20 requests fill four fifths: 25 would fill it, and 15 % are left free.
    const full = live(300, filled(0.8, 20));
    const slotsOf = ({ load }: { load: ServiceLoad }): readonly number[] => load.endpoints.map(({ slots }) => slots);
    for (const slots of slotsOf(full)) expect(slots).toBeCloseTo(0.85 * 25, 1);
    const emptied = live(300, filled(0.22, 6), full.state, 300);
    for (const slots of slotsOf(emptied)) {
      expect(slots).toBeGreaterThan(0.85 * 25 - 1);
      expect(slots).toBeLessThan(0.85 * 25 * 1.3);
    }
  });

  it('take an engine that went silent untaught for no wider than those that queues have taught', () => {
    const second =
      (from: number) =>
      (atMs: number, sec: number): Second => ({
        samples: endpoints(N).flatMap((_, i) =>
          i === 0 && sec >= from ? [] : page(i, atMs, i === 0 ? { running: 20 } : { running: 20, waiting: 4 }),
        ),
        reports: [report(atMs, () => ({ inFlight: 20, issued: 2 }))],
      });
    const slotsOf = (from: number) => live(60, second(from)).load.endpoints.map(({ slots }) => Math.round(slots));
    expect(slotsOf(60)).toEqual([64, 20, 20, 20]);
    expect(slotsOf(30)).toEqual([20, 20, 20, 20]);
    // One whose limit was told, or that a queue of its own has taught, stays as wide as that.
    const told = live(60, (atMs, sec) => ({
      ...second(30)(atMs, sec),
      endpoints: [endpoint(0, { maxRunningRequests: 40 }), ...endpoints(N).slice(1)],
    }));
    expect(told.load.endpoints[0]!.slots).toBe(40);
    const taught = live(60, (atMs, sec) => ({
      samples: endpoints(N).flatMap((_, i) =>
        i === 0 && sec >= 30 ? [] : page(i, atMs, { running: i === 0 ? 30 : 20, waiting: 4 }),
      ),
      reports: [report(atMs, () => ({ inFlight: 20, issued: 2 }))],
    }));
    expect(Math.round(taught.load.endpoints[0]!.slots)).toBe(30);
  });

  it('begin with the instant of the first tick, against which engines are read', () => {
    const { state } = live(3, steady);
    expect(state.cluster.ringAtMs).toEqual([0, 1, 2].map((sec) => START_MS + sec * 1000));
    for (const { ring } of Object.values(state.endpoints)) expect(ring).toEqual([8, 8, 8]);
  });

  it('let the capacity of a silent engine follow its slots, when its headers show that they are fewer', () => {
    const heard = live(60, steady);
    expect(heard.load.endpoints[0]!.slots).toBe(64);
    // Its exporter is dead; it runs 16 requests, others wait for their headers, and the other engines go on.
    const queued = (atMs: number, sec: number): Second => ({
      samples: endpoints(N).flatMap((_, i) => (i === 0 ? [] : page(i, atMs, { running: 8 }))),
      reports: [
        report(atMs, (i) =>
          i === 0 ? { inFlight: 40, issued: 2, done: sec < 72 ? 0 : 2 } : { inFlight: 8, issued: 2 },
        ),
      ],
    });
    const silent = live(60, queued, heard.state, 60);
    const [first, second] = silent.load.endpoints as [
      ServiceLoad['endpoints'][number],
      ServiceLoad['endpoints'][number],
    ];
    expect(first.slots).toBeLessThan(30);
    expect(first.logCapacity - second.logCapacity).toBeCloseTo(Math.log(first.slots / 64), 1);
  });

  it('learn a slow server from its work, and a slow one without engine metrics from the load reports', () => {
    const engine = live(60, (atMs) => ({
      samples: endpoints(N).flatMap((_, i) => page(i, atMs, { running: 8, tokensPerSec: i === 0 ? 200 : 400 })),
      reports: [report(atMs, () => ({ inFlight: 8, issued: 2 }))],
    })).load;
    const reports = live(120, (atMs) => ({
      reports: [report(atMs, (i) => ({ inFlight: 8, issued: i === 0 ? 1 : 3 }))],
    })).load;
    for (const [load, source] of [
      [engine, 'Engine'],
      [reports, 'LoadReports'],
    ] as const) {
      const [slow, other] = load.endpoints;
      expect(slow!.capacitySource).toBe(source);
      expect(other!.logCapacity - slow!.logCapacity).toBeGreaterThan(0.4);
      expect(load.endpoints.reduce((sum, { logCapacity }) => sum + logCapacity, 0)).toBeCloseTo(0, 9);
    }
  });

  it('12: forget an endpoint that left, and let its address start again as a newcomer that waits', () => {
    const three = endpoints(N).slice(0, 3);
    const learned = live(60, steady).state;
    const gone = live(5, (atMs) => ({ ...steady(atMs), endpoints: three }), learned, 60).state;
    expect(Object.keys(gone.endpoints)).toEqual(three.map(({ id }) => id));
    const idle = (atMs: number): Second => ({
      reports: [report(atMs, (i) => (i === 3 ? { inFlight: 0, issued: 0 } : { inFlight: 8, issued: 2 }))],
    });
    const back = live(
      3,
      (atMs) => ({ ...idle(atMs), endpoints: [...three, endpoint(3, { incarnation: '2' })] }),
      gone,
      65,
    );
    expect(back.load.endpoints.map(({ waiting1st }) => waiting1st)).toEqual([false, false, false, true]);
    const served = live(
      2,
      (atMs) => ({ ...steady(atMs), endpoints: [...three, endpoint(3, { incarnation: '2' })] }),
      back.state,
      68,
    );
    expect(served.load.endpoints[3]!.waiting1st).toBe(false);
    expect(served.load.endpoints[3]!.rampAgeSec).toBeLessThan(3);
  });

  it('count what an engine says it has in the same second, where there are no load reports', () => {
    const { load } = live(10, (atMs, sec) => ({
      samples: endpoints(N).flatMap((_, i) => page(i, atMs, { running: sec, waiting: 1 })),
    }));
    expect(load.loadReports).toBe('Silent');
    expect(load.endpoints.map(({ inFlight }) => inFlight)).toEqual(Array(N).fill(10));
  });

  it('do not depend on the order of endpoints when two engines restart at once', () => {
    const started = (i: number, atMs: number, sec: number): Sample => sample(i, 'processStartTimeSeconds', sec, atMs);
    const before = live(60, (atMs) => ({
      samples: endpoints(N).flatMap((_, i) => [
        ...page(i, atMs, { running: 8, tokensPerSec: 200 * (i + 1) }),
        started(i, atMs, 1000),
      ]),
      reports: [report(atMs, () => ({ inFlight: 8, issued: 2 }))],
    })).state;
    const nowMs = START_MS + 60_000;
    const samples = [2, 3].flatMap((i) => [...page(i, nowMs, { running: 0 }), started(i, nowMs, 2000)]);
    const learned = (members: readonly Endpoint[]) => {
      const { load } = stepLoad(before, inputAt(nowMs, { samples, endpoints: members }));
      return Object.fromEntries(load.endpoints.map(({ id, logCapacity }) => [id, Math.round(logCapacity * 1e9) + 0]));
    };
    const plain = learned(endpoints(N));
    expect(learned([...endpoints(N)].reverse())).toEqual(plain);
    // Both believe what those that went on believe: the mean of two.
    expect(plain[endpoint(2).id]).toBe(plain[endpoint(3).id]);
    const usual = (plain[endpoint(0).id]! + plain[endpoint(1).id]!) / 2;
    expect(plain[endpoint(2).id]! / 1e9).toBeCloseTo(usual / 1e9, 6);
    expect(plain[endpoint(1).id]! - plain[endpoint(0).id]!).toBeGreaterThan(0.1e9);
  });

  it('see errors of an endpoint, call it bad, and let it wait again when they end', () => {
    const sick = (atMs: number): Second => ({
      reports: [
        report(atMs, (i) => (i === 0 ? { inFlight: 1, issued: 5, done: 0, errors: 5 } : { inFlight: 8, issued: 2 })),
      ],
    });
    const before = live(30, steady).state;
    const bad = live(8, sick, before, 30);
    expect(bad.load.endpoints[0]!).toMatchObject({ bad: true });
    expect(bad.load.endpoints[0]!.errorRatio).toBeGreaterThan(0.5);
    const quiet = (atMs: number): Second => ({
      reports: [report(atMs, (i) => (i === 0 ? { inFlight: 0, issued: 0 } : { inFlight: 8, issued: 2 }))],
    });
    const after = live(80, quiet, bad.state, 38);
    expect(after.load.endpoints[0]!).toMatchObject({ bad: false, waiting1st: true });
  });
});
