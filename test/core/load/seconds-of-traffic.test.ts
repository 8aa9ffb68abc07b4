import { describe, expect, it } from 'vitest';
import { type LoadState, type ServiceLoad, stepLoad } from '../../../src/core/load/index.ts';
import type { EndpointMemory } from '../../../src/core/load/load-state.ts';
import { endpoint, endpoints, START_MS } from '../weights/beliefs.ts';
import { inputAt, live, N, page, report, type Second, sample, steady } from './seconds.ts';

const of = (state: LoadState, i = 0): EndpointMemory => state.endpoints[endpoint(i).id] as EndpointMemory;
const traffic = (atMs: number): Second => ({ reports: [report(atMs, () => ({ inFlight: 8, issued: 2 }))] });
const close = (value: number) => expect.closeTo(value, 9);

/** One tick `afterMs` after a state; what was reported is 200 ms old. */
function tick(before: LoadState, second: (atMs: number) => Second, afterMs = 1000) {
  const nowMs = before.atMs + afterMs;
  return stepLoad(before, inputAt(nowMs, second(nowMs - 200)));
}

describe('a second of traffic', () => {
  const two = live(2, traffic).state;

  it('is followed over 20 s for capacity and over 3 s for health', () => {
    // The first report says where counting starts.
    const slow = 1 - Math.exp(-1 / 20);
    const fast = 1 - Math.exp(-1 / 3);
    expect(of(two)).toMatchObject({ completions: close(2 * slow), errorsPerSec: 0, recentErrors: 0 });
    expect(of(two).meanInFlight).toBeCloseTo(8 * (1 - (1 - slow) ** 2), 9);
    expect(of(two).inFlightPerSidecar).toBeCloseTo(8 * (1 - (1 - fast) ** 2), 9);
    const failed = tick(two, (atMs) => ({
      reports: [report(atMs, () => ({ inFlight: 8, issued: 5, errors: 4 }))],
    })).state;
    expect(of(failed).errorsPerSec).toBeCloseTo(4 * fast, 9);
  });

  it('counts as the time that passed, 5 s at most', () => {
    const late = tick(two, traffic, 2000).state;
    expect(of(late).completions).toBeCloseTo(1 + (of(two).completions - 1) * Math.exp(-2 / 20), 9);
    const paused = tick(two, () => ({}), 100_000).state;
    expect(of(paused).farSec).toBe(0);
    const still = tick(live(2, steady).state, steady, 0);
    expect(still.load.endpoints[0]!.inFlight).toBe(8);
  });

  it('is divided by the sidecars that report', () => {
    const both = (atMs: number): Second => ({
      reports: ['a', 'b'].map((nodeId) => ({ ...report(atMs, () => ({ inFlight: 8, issued: 2 })), nodeId })),
    });
    const { state, load } = live(60, both);
    expect(load.sidecars).toBe(2);
    expect(load.endpoints[0]!).toMatchObject({ inFlight: 16 });
    expect(of(state).inFlightPerSidecar).toBeCloseTo(8, 6);
    expect(load.meanInFlightPerSidecar).toBeCloseTo(8, 1);
  });

  it('makes the request time by Little', () => {
    expect(live(200, traffic).load.requestTimeSec).toBeCloseTo(4, 1);
  });

  it('makes the pressure of the well part, without who is bad or waits', () => {
    const mixed = (atMs: number): Second => ({
      reports: [
        report(atMs, (i) =>
          i === 0 ? { inFlight: 60, issued: 20, errors: 20, done: 0 } : { inFlight: 16, issued: 2, done: 2 },
        ),
      ],
    });
    expect(live(60, mixed).load.goodPressure).toBeCloseTo(0.25, 3);
    expect(live(60, traffic).load.goodPressure).toBeCloseTo(0.125, 3);
  });
});

describe('health', () => {
  const failing =
    (errors: number, issued: number) =>
    (atMs: number): Second => ({
      reports: [
        report(atMs, (i) =>
          i === 0 ? { inFlight: 4, issued, errors, done: issued - errors } : { inFlight: 8, issued: 2 },
        ),
      ],
    });
  const bad = (errors: number, issued: number) => live(40, failing(errors, issued)).load.endpoints[0]!.bad;

  it('is lost beyond a tenth of errors', () => {
    expect(bad(0.9, 10)).toBe(false);
    expect(bad(1.1, 10)).toBe(true);
  });

  it('is told by what was issued, not by streams that began before the errors and still end well', () => {
    let state = live(30, traffic).state;
    for (let sec = 0; sec < 6; sec += 1)
      state = tick(state, (atMs) => ({
        reports: [report(atMs, (i) => ({ inFlight: i === 0 ? 16 - 2 * sec : 16, issued: 3, errors: i === 0 ? 2 : 0 }))],
      })).state;
    const { load } = tick(state, traffic);
    expect(load.endpoints[0]!.errorRatio).toBeGreaterThan(0.4);
  });

  it('once lost for three seconds must be shown by a completion, and ramps from it', () => {
    const before = live(30, traffic).state;
    const sick = (seconds: number) => {
      let state = before;
      for (let sec = 0; sec < seconds; sec += 1) state = tick(state, failing(9, 9)).state;
      let load: ServiceLoad | undefined;
      for (let sec = 0; sec < 100 && (load === undefined || load.endpoints[0]!.bad); sec += 1) {
        const next = tick(state, (atMs) => ({
          reports: [report(atMs, (i) => (i === 0 ? { inFlight: 0, issued: 0 } : { inFlight: 8, issued: 2 }))],
        }));
        state = next.state;
        load = next.load;
      }
      return { state, load: load as ServiceLoad };
    };
    const { state, load } = sick(3);
    expect(load.endpoints[0]!).toMatchObject({ bad: false, waiting1st: true });
    const served = tick(state, traffic);
    expect(of(served.state)).toMatchObject({ phase: 'Waiting' });
    const done = tick(served.state, traffic);
    expect(of(done.state)).toMatchObject({ phase: 'Ramping', firstAtMs: done.state.atMs });
    expect(done.load.endpoints[0]!.rampAgeSec).toBe(0);
  });
});

describe('silence', () => {
  it('of the sidecars leaves their number, and starts the time of fresh reports again', () => {
    const before = live(30, traffic).state;
    expect(before.cluster).toMatchObject({ reportsSinceMs: START_MS, sidecars: 1 });
    const silent = live(20, () => ({}), before, 30).state;
    expect(silent.cluster).toMatchObject({ reportsSinceMs: null, sidecars: 1, reportAgeSec: null });
    const again = live(2, traffic, silent, 50).state;
    expect(again.cluster.reportsSinceMs).toBe(START_MS + 50_000);
  });

  it('is told by the mean age of what is heard', () => {
    const { state, load } = live(10, steady);
    expect(state.cluster).toMatchObject({ reportAgeSec: 0.2, engineAgeSec: 0.2 });
    expect(load.engineDelaySec).toBe(0.2);
    expect(live(20, () => ({}), state, 10).state.cluster.engineAgeSec).toBeNull();
  });

  it('remembers the last 40 seconds of what was in flight', () => {
    const { state } = live(50, (atMs) => ({
      reports: [report(atMs, () => ({ inFlight: (atMs - START_MS + 200) / 1000, issued: 9 }))],
    }));
    expect(state.cluster.ringAtMs).toHaveLength(40);
    expect(state.cluster.ringAtMs.at(-1)).toBe(START_MS + 49_000);
    expect(of(state).ring).toHaveLength(40);
    expect(of(state).ring.at(-1)).toBe(49);
  });
});

describe('a queue', () => {
  it('at the engine teaches its slots', () => {
    const { load, state } = live(10, (atMs) => ({
      ...traffic(atMs),
      samples: endpoints(N).flatMap((_, i) => page(i, atMs, i === 0 ? { running: 20, waiting: 5 } : { running: 8 })),
    }));
    expect(of(state)).toMatchObject({ slotsByQueueFrom: 'Engine' });
    expect(load.endpoints[0]!.slots).toBeCloseTo(20, 0);
    expect(load.endpoints[1]!.slots).toBe(64);
    const told = live(10, (atMs) => ({
      ...traffic(atMs),
      endpoints: endpoints(N).map((one) => ({ ...one, maxRunningRequests: 21 })),
      samples: page(0, atMs, { running: 20, waiting: 5 }),
    }));
    expect(told.load.endpoints.map(({ slots }) => slots)).toEqual([21, 21, 21, 21]);
  });

  /** Servers that send headers with the first token; on the first, 20 of 40 requests wait for theirs. */
  const queued = (atMs: number, sec: number): Second => ({
    reports: [
      report(atMs, (i) =>
        i === 0 ? { inFlight: 40, issued: sec === 1 ? 22 : 2, done: 2 } : { inFlight: 30, issued: 2 },
      ),
    ],
  });

  it('is read off the headers, after 20 s, where there is no engine', () => {
    expect(of(live(21, queued).state).slotsByQueue).toBeNull();
    const { state, load } = live(40, queued);
    expect(of(state)).toMatchObject({ slotsByQueueFrom: 'Headers', pending: 20 });
    expect(load.endpoints[0]!.slots).toBeCloseTo(20, 0);
    expect(load.endpoints[1]!.slots).toBe(64);
  });

  it('is read off the headers of a stale engine only once that has been away for 30 s', () => {
    const withPage = (atMs: number, sec: number): Second => ({
      ...queued(atMs, sec),
      samples: sec === 20 ? page(0, atMs, { running: 20 }) : [],
    });
    expect(of(live(50, withPage).state).slotsByQueue).toBeNull();
    expect(of(live(56, withPage).state).slotsByQueue).toBeCloseTo(20, 0);
  });

  it('by headers is not asked of a fresh engine', () => {
    const heard = (atMs: number, sec: number): Second => ({
      ...queued(atMs, sec),
      samples: page(0, atMs, { running: 40 }),
    });
    expect(of(live(40, heard).state).slotsByQueue).toBeNull();
  });
});

describe('a GPU', () => {
  const gpu = (
    i: number,
    atMs: number,
    util: number,
    more: { clock?: number; device?: 'Whole' | 'Partitioned' } = {},
  ) => {
    const subject = { address: endpoint(i).address, port: 8000, gpu: 'GPU-a' };
    const device = more.device === undefined ? {} : { device: more.device };
    return [
      { ...sample(i, 'gpuUtilRatio', util, atMs), subject, ...device },
      ...(more.clock === undefined ? [] : [{ ...sample(i, 'smClockHertz', more.clock, atMs), subject, ...device }]),
    ];
  };

  it('keeps the last of each value that came', () => {
    const first = live(1, (atMs) => ({ samples: gpu(0, atMs, 0.4, { clock: 2e9 }) })).state;
    const second = tick(first, (atMs) => ({ samples: gpu(0, atMs, 0.5) })).state;
    expect(of(second).gpus).toEqual([
      {
        gpu: 'GPU-a',
        whole: true,
        utilRatio: 0.5,
        utilAtMs: START_MS + 800,
        clockHertz: 2e9,
        clockAtMs: START_MS - 200,
      },
    ]);
    const third = tick(second, (atMs) => ({
      samples: gpu(0, atMs, 0.5, { clock: 1e9, device: 'Partitioned' }).slice(1),
    }));
    expect(of(third.state).gpus).toEqual([
      expect.objectContaining({ whole: false, utilRatio: 0.5, utilAtMs: START_MS + 800, clockHertz: 1e9 }),
    ]);
    const other = tick(second, (atMs) => ({ samples: [sample(0, 'gpuUtilRatio', 0.1, atMs)] })).state;
    expect(of(other).gpus.map(({ gpu: name }) => name)).toEqual(['GPU-a', '']);
  });

  it('that is throttled lowers the capacity in the same second', () => {
    const run = (atMs: number): Second => ({ ...traffic(atMs), samples: gpu(0, atMs, 0.5, { clock: 2e9 }) });
    const { state } = live(30, run);
    const next = tick(state, (atMs) => ({ ...traffic(atMs), samples: gpu(0, atMs, 0.5, { clock: 1e9 }) }));
    expect(of(next.state).logCapacity - of(state).logCapacity).toBeCloseTo(-0.8 * Math.LN2, 1);
  });

  /** Load that swells and ebbs; utilisation follows it on 24 slots, on 12 at the first. */
  const waves = (seconds: number, over: (i: number) => object = () => ({}), silent = false) =>
    live(seconds, (atMs, sec) => {
      const inFlight = Math.round(6 + 4 * Math.sin(sec / 8));
      return {
        endpoints: endpoints(N),
        reports: silent ? [] : [report(atMs, () => ({ inFlight, issued: 2, done: 2 }))],
        samples: endpoints(N).flatMap((_, i) =>
          gpu(i, atMs, (inFlight + 0.001 * (sec % 7)) / (i === 0 ? 12 : 24), over(i)),
        ),
      };
    });

  it('that follows the load opens the gate, and tells slots that nobody told', () => {
    expect(waves(40).load.endpoints[0]!.gpuGate).toBe('Closed');
    const { load } = waves(200);
    expect(load.endpoints[0]!.gpuGate).toBe('Open');
    expect(load.endpoints[0]!.slots).toBeCloseTo(12, 0);
    expect(load.endpoints[1]!.slots).toBeCloseTo(24, 0);
  });

  it('that is partitioned is not asked, nor any without load reports', () => {
    const shared = waves(200, () => ({ device: 'Partitioned' as const }));
    expect(shared.load.endpoints.map(({ slots }) => slots)).toEqual([64, 64, 64, 64]);
    const silent = waves(200, () => ({}), true);
    expect(silent.load.endpoints.map(({ slots }) => slots)).toEqual([64, 64, 64, 64]);
  });

  it('is forgotten when it is no longer heard', () => {
    const before = waves(200).state;
    const { state } = live(8, traffic, before, 200);
    expect(of(state)).toMatchObject({ util: null, slotsByUtil: null });
  });
});
