import { describe, expect, it } from 'vitest';
import type { LoadState } from '../../../src/core/load/index.ts';
import { type Signal, signalBeliefs, stepLoad } from '../../../src/core/load/index.ts';
import type { Sample } from '../../../src/core/topology/index.ts';
import { endpoint, START_MS } from '../weights/beliefs.ts';
import { inputAt, live, page, report, type Second, sample, steady } from './seconds.ts';

const ME = endpoint(0).id;
const gpuSample = (metric: Sample['metric'], value: number, atMs: number, over: Partial<Sample> = {}): Sample => {
  const one = sample(0, metric, value, atMs);
  return { ...one, subject: { ...one.subject, gpu: 'GPU-0' }, ...over };
};

/** What is made of the signals of the first server after so many seconds like this. */
function told(seconds: number, of: (atMs: number, sec: number) => Second, from?: LoadState, offset = 0) {
  const { state, load } = live(seconds, of, from, offset);
  const one = load.endpoints.find(({ id }) => id === ME)!;
  const beliefs = signalBeliefs(state.endpoints[ME]!, one, load, state, state.atMs);
  const by = Object.fromEntries(beliefs.map(({ signal, state: made }) => [signal, made])) as Record<Signal, string>;
  const why = Object.fromEntries(beliefs.map(({ signal, why: words }) => [signal, words ?? '']));
  return { state, load, one, by, why };
}

const withGpu =
  (...samples: readonly ((atMs: number) => Sample)[]) =>
  (atMs: number) => {
    const second = steady(atMs);
    return { ...second, samples: [...second.samples!, ...samples.map((make) => make(atMs))] };
  };

describe('a signal', () => {
  it('is fresh, absent or ignored, with the reason why it has no say', () => {
    const { by, why } = told(
      20,
      withGpu((atMs) => gpuSample('gpuUtilRatio', 0.5 + ((atMs / 1000) % 10) / 100, atMs)),
    );
    expect(by).toEqual({
      engine: 'Fresh',
      kv: 'Fresh',
      gpu: 'Ignored',
      clock: 'Absent',
      throttle: 'Absent',
      xid: 'Absent',
      reports: 'Fresh',
    });
    expect(why.gpu).toBe('not needed while its engine is heard');
  });

  it('is ignored while it is pinned: it reads full at any load', () => {
    const { by, why } = told(
      120,
      withGpu((atMs) => gpuSample('gpuUtilRatio', 1, atMs)),
    );
    expect([by.gpu, why.gpu]).toEqual(['Ignored', 'pinned: it reads full at any load']);
  });

  it('is stale when its exporter falls silent', () => {
    const heard = told(
      20,
      withGpu(
        (atMs) => gpuSample('smClockHertz', 1.9e9, atMs),
        (atMs) => gpuSample('xidCode', 0, atMs),
      ),
    );
    expect([heard.by.clock, heard.by.xid]).toEqual(['Fresh', 'Fresh']);
    const silent = told(61, () => ({}), heard.state, 20);
    expect(silent.by).toMatchObject({ engine: 'Stale', clock: 'Stale', xid: 'Stale', reports: 'Stale' });
  });

  it('is in conflict beyond 105 %: the last good value stands, and ages', () => {
    const good = told(
      20,
      withGpu((atMs) => gpuSample('gpuUtilRatio', 0.5, atMs)),
    );
    const bad = told(
      3,
      withGpu((atMs) => gpuSample('gpuUtilRatio', 1.4, atMs)),
      good.state,
      20,
    );
    expect([bad.by.gpu, bad.why.gpu]).toEqual([
      'Conflict',
      'reads 140 %, which cannot be: the last good value stands, and ages',
    ]);
    expect(bad.one.gpuUtilRatio).toBe(0.5);
    const later = told(
      4,
      withGpu((atMs) => gpuSample('gpuUtilRatio', 1.4, atMs)),
      bad.state,
      23,
    );
    expect(later.one.gpuUtilRatio).toBeUndefined();
    const well = told(
      1,
      withGpu((atMs) => gpuSample('gpuUtilRatio', 1.03, atMs)),
      later.state,
      27,
    );
    expect(well.by.gpu).not.toBe('Conflict');
    expect(well.one.gpuUtilRatio).toBe(1);
  });

  it('of the KV cache is held for a while, and then unknown', () => {
    const kvOf = (ratio: number) => (atMs: number) => {
      const second = steady(atMs);
      const samples = second.samples!.map((one) =>
        one.metric === 'kvUsageRatio' && one.subject.address === endpoint(0).address ? { ...one, value: ratio } : one,
      );
      return { ...second, samples };
    };
    const good = told(20, kvOf(0.6));
    const bad = told(10, kvOf(60), good.state, 20);
    expect([bad.by.kv, bad.one.kvUsageRatio]).toEqual(['Conflict', 0.6]);
    const later = told(10, kvOf(60), bad.state, 30);
    expect([later.by.kv, later.one.kvUsageRatio]).toEqual(['Conflict', undefined]);
    expect(told(1, kvOf(0.7), later.state, 40).by.kv).toBe('Fresh');
  });

  it('of an engine that tells of less than half of what the sidecars have is not believed after 30 s', () => {
    const liar = (atMs: number): Second => ({
      samples: [0, 1, 2, 3].flatMap((i) => page(i, atMs, i === 0 ? { running: 1, waiting: 1 } : { running: 8 })),
      reports: [report(atMs, () => ({ inFlight: 8, issued: 2 }))],
    });
    const early = told(25, liar);
    expect([early.by.engine, early.one.running]).toEqual(['Fresh', 1]);
    const late = told(20, liar, early.state, 25);
    expect([late.by.engine, late.one.engine, late.one.running]).toEqual(['Conflict', 'Stale', undefined]);
    expect(late.why.engine).toBe('tells of 2 requests where the sidecars have 8: load reports are believed');
    expect(late.one.capacitySource).toBe('LoadReports');
    const honest = told(2, steady, late.state, 45);
    expect([honest.by.engine, honest.one.capacitySource]).toEqual(['Fresh', 'Engine']);
  });

  it('of a GPU that reads full while the engine has nothing to do is in conflict after 30 s', () => {
    const idle = (atMs: number): Second => ({
      samples: [...[0, 1, 2, 3].flatMap((i) => page(i, atMs, { running: 0 })), gpuSample('gpuUtilRatio', 1, atMs)],
      reports: [report(atMs, () => ({ inFlight: 0, issued: 0 }))],
    });
    const early = told(28, idle);
    expect(early.by.gpu).toBe('Ignored');
    const late = told(10, idle, early.state, 28);
    expect([late.by.gpu, late.why.gpu]).toEqual(['Conflict', 'reads full while the engine has nothing to do']);
  });
});

describe('a state from before there were conflicts and faults', () => {
  it('goes on as if it had been saved today', () => {
    const { state } = live(20, steady);
    const NEW = ['throttled', 'drainedAtMs', 'kvConflict', 'engineDoubtSec', 'stuckSec'];
    const old = {
      ...state,
      endpoints: Object.fromEntries(
        Object.entries(state.endpoints).map(([id, memory]) => [
          id,
          Object.fromEntries(Object.entries(memory).filter(([key]) => !NEW.includes(key))),
        ]),
      ),
    } as unknown as LoadState;
    const input = inputAt(START_MS + 20_000, steady(START_MS + 19_800));
    expect(stepLoad(old, input)).toEqual(stepLoad(state, input));
  });
});
