import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LoadInput, type LoadState, type ServiceLoad, stepLoad } from '../../../src/core/load/index.ts';
import type { Endpoint, LoadReport, Metric, Sample } from '../../../src/core/topology/index.ts';
import { stepWeights, type WeightsState } from '../../../src/core/weights/index.ts';
import { endpoint, endpoints, OPTIONS, START_MS } from '../weights/beliefs.ts';

const N = 4;
const NODE = 'a';

type Second = {
  readonly samples?: readonly Sample[];
  readonly reports?: readonly LoadReport[];
  readonly endpoints?: readonly Endpoint[];
};

function sample(i: number, metric: Metric, value: number, atMs: number): Sample {
  const { address, port } = endpoint(i);
  return { subject: { address, port }, metric, value, sampledAtMs: atMs, changedAtMs: atMs, source: 'test' };
}

/** One page of an engine that makes so many tokens a second. */
function page(
  i: number,
  atMs: number,
  engine: { running: number; waiting?: number; tokensPerSec?: number },
): readonly Sample[] {
  return [
    sample(i, 'runningRequests', engine.running, atMs),
    sample(i, 'waitingRequests', engine.waiting ?? 0, atMs),
    sample(i, 'kvUsageRatio', 0.3, atMs),
    sample(i, 'generationTokensTotal', ((atMs - START_MS) / 1000) * (engine.tokensPerSec ?? 400) + 1000, atMs),
    sample(i, 'promptTokensTotal', 1000, atMs),
  ];
}

function report(
  atMs: number,
  of: (i: number) => { inFlight: number; issued: number; done?: number; errors?: number },
  count = N,
): LoadReport {
  return {
    nodeId: NODE,
    receivedAtMs: atMs,
    intervalMs: 1000,
    absentMeansIdle: true,
    clusters: [
      {
        cluster: 'chat',
        endpoints: endpoints(count).map(({ address, port }, i) => {
          const { inFlight, issued, done = issued, errors = 0 } = of(i);
          return { address, port, inProgress: inFlight, issued, succeeded: done, errors };
        }),
      },
    ],
  };
}

function inputAt(nowMs: number, second: Second, first = false): LoadInput {
  return {
    nowMs,
    service: 'chat',
    endpoints: second.endpoints ?? endpoints(N),
    samples: second.samples ?? [],
    reports: second.reports ?? [],
    presence: first ? [{ nodeId: NODE, group: 'lab', kind: 'Connected', atMs: nowMs, envoyVersion: '1.40.0' }] : [],
    options: { leastRequest: true },
  };
}

function live(seconds: number, of: (atMs: number, sec: number) => Second, from?: LoadState, offset = 0) {
  let state = from;
  let load: ServiceLoad | undefined;
  for (let sec = offset; sec < offset + seconds; sec += 1) {
    const nowMs = START_MS + sec * 1000;
    const out = stepLoad(state, inputAt(nowMs, of(nowMs - 200, sec), state === undefined));
    state = out.state;
    load = out.load;
  }
  return { state: state as LoadState, load: load as ServiceLoad };
}

const steady = (atMs: number): Second => ({
  samples: endpoints(N).flatMap((_, i) => page(i, atMs, { running: 8 })),
  reports: [report(atMs, () => ({ inFlight: 8, issued: 2 }))],
});

describe('beliefs', () => {
  it('5: do not move by values that are no numbers, negative, out of range, or dated in the future', () => {
    const metrics: readonly Metric[] = [
      'runningRequests',
      'waitingRequests',
      'kvUsageRatio',
      'maxRunningRequests',
      'generationTokensTotal',
      'gpuUtilRatio',
      'smClockHertz',
    ];
    const bad = fc.constantFrom(Number.NaN, -1, -0.001, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300);
    const before = live(30, steady).state;
    const nowMs = START_MS + 30_000;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(N - 1), fc.constantFrom(...metrics), bad), { minLength: 1, maxLength: 20 }),
        (values) => {
          const samples = values.map(([i, metric, value]) => sample(i, metric, value, nowMs - 100));
          const late = values.map(([i, metric]) => sample(i, metric, 0.5, nowMs + 60_000));
          const plain = stepLoad(before, inputAt(nowMs, {}));
          expect(stepLoad(before, inputAt(nowMs, { samples: [...samples, ...late] }))).toEqual(plain);
        },
      ),
    );
  });

  it('5: do not move by a page that was seen before', () => {
    const before = live(30, steady).state;
    const nowMs = START_MS + 30_000;
    const again = steady(START_MS + 29_000 - 200).samples ?? [];
    expect(stepLoad(before, inputAt(nowMs, { samples: again }))).toEqual(stepLoad(before, inputAt(nowMs, {})));
  });

  it('5: hold what was learned of an endpoint whose signals are stale', () => {
    const slow = (atMs: number): Second => ({
      samples: endpoints(N).flatMap((_, i) => page(i, atMs, { running: 8, tokensPerSec: i === 0 ? 150 : 400 })),
      reports: [report(atMs, () => ({ inFlight: 8, issued: 2 }))],
    });
    const learned = live(60, slow);
    expect(learned.load.endpoints[0]!.logCapacity).toBeLessThan(-0.4);
    const silent = live(60, () => ({}), learned.state, 60);
    expect(silent.load.endpoints.map(({ engine }) => engine)).toEqual(Array(N).fill('Stale'));
    for (const [i, { logCapacity, notes }] of silent.load.endpoints.entries()) {
      expect(logCapacity).toBeCloseTo(learned.load.endpoints[i]!.logCapacity, 1);
      expect(notes.join()).toMatch(/s old: beliefs are held/);
    }
  });

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

  it('stay finite and in range whatever comes in, and go on from JSON as if nothing had happened', () => {
    const any = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, -1, 0, 1, 1e9));
    const anySample = fc
      .tuple(
        fc.nat(N),
        fc.constantFrom<Metric>(
          'runningRequests',
          'waitingRequests',
          'kvUsageRatio',
          'generationTokensTotal',
          'promptTokensTotal',
          'gpuUtilRatio',
          'smClockHertz',
          'processStartTimeSeconds',
        ),
        any,
        fc.integer({ min: -5000, max: 1000 }),
      )
      .map(([i, metric, value, age]) => ({ i, metric, value, age }));
    const anyEndpoint = fc.tuple(any, any, any, any);
    const second = fc.record({
      afterMs: fc.integer({ min: 0, max: 9000 }),
      samples: fc.array(anySample, { maxLength: 12 }),
      report: fc.option(fc.tuple(anyEndpoint, anyEndpoint, anyEndpoint, anyEndpoint)),
    });
    fc.assert(
      fc.property(fc.array(second, { minLength: 2, maxLength: 10 }), (seconds) => {
        let state: LoadState | undefined;
        let nowMs = START_MS;
        for (const { afterMs, samples, report: values } of seconds) {
          nowMs += afterMs;
          const input = inputAt(
            nowMs,
            {
              samples: samples.map(({ i, metric, value, age }) => sample(i, metric, value, nowMs + age)),
              reports:
                values === null
                  ? []
                  : [
                      report(nowMs, (i) => ({
                        inFlight: values[i]![0],
                        issued: values[i]![1],
                        done: values[i]![2],
                        errors: values[i]![3],
                      })),
                    ],
            },
            state === undefined,
          );
          const saved = state === undefined ? undefined : (JSON.parse(JSON.stringify(state)) as LoadState);
          const out = stepLoad(state, input);
          expect(JSON.stringify(stepLoad(saved, input))).toBe(JSON.stringify(out));
          for (const one of out.load.endpoints) {
            for (const value of [
              one.inFlight,
              one.inFlightPerSidecar,
              one.foreign,
              one.slots,
              one.errorsPerSec,
              one.errorRatio,
              one.pressure,
              one.ageMs,
            ]) {
              expect(Number.isFinite(value) && value >= 0, JSON.stringify(one)).toBe(true);
            }
            expect(one.slots).toBeGreaterThan(0);
            expect(one.errorRatio).toBeLessThanOrEqual(1);
            expect(Math.abs(one.logCapacity)).toBeLessThanOrEqual(6 + 1e-9);
          }
          expect(out.load.requestTimeSec).toBeGreaterThanOrEqual(1);
          expect(out.load.requestTimeSec).toBeLessThanOrEqual(60);
          state = out.state;
        }
      }),
    );
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

  it('13, as G3 changes it: GPU utilisation is no input of a weight while an engine is heard', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: N, maxLength: N }), {
          minLength: 60,
          maxLength: 60,
        }),
        (utils) => {
          const decide = (withGpu: boolean): readonly string[] => {
            let load: LoadState | undefined;
            let weights: WeightsState | undefined;
            return utils.map((util, sec) => {
              const nowMs = START_MS + sec * 1000;
              const second = steady(nowMs - 200);
              const gpus = withGpu ? util.map((value, i) => sample(i, 'gpuUtilRatio', value, nowMs - 150)) : [];
              const believed = stepLoad(
                load,
                inputAt(nowMs, { ...second, samples: [...second.samples!, ...gpus] }, sec === 0),
              );
              const decided = stepWeights(weights, {
                nowMs,
                service: 'chat',
                endpoints: endpoints(N),
                load: believed.load,
                options: OPTIONS,
              });
              load = believed.state;
              weights = decided.state;
              return JSON.stringify(decided.decision.endpoints);
            });
          };
          expect(decide(true)).toEqual(decide(false));
        },
      ),
      { numRuns: 10 },
    );
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
    const samples = [0, 3].flatMap((i) => [...page(i, nowMs, { running: 0 }), started(i, nowMs, 2000)]);
    const learned = (members: readonly Endpoint[]) => {
      const { load } = stepLoad(before, inputAt(nowMs, { samples, endpoints: members }));
      return Object.fromEntries(load.endpoints.map(({ id, logCapacity }) => [id, Math.round(logCapacity * 1e9) + 0]));
    };
    const plain = learned(endpoints(N));
    expect(learned([...endpoints(N)].reverse())).toEqual(plain);
    // Both believe what those that went on believe.
    expect(plain[endpoint(0).id]).toBe(plain[endpoint(3).id]);
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
    const after = live(30, quiet, bad.state, 38);
    expect(after.load.endpoints[0]!).toMatchObject({ bad: false, waiting1st: true });
  });
});
