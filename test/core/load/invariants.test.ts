import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beliefNotes, type LoadState, stepLoad } from '../../../src/core/load/index.ts';
import type { Metric } from '../../../src/core/topology/index.ts';
import { stepWeights, type WeightsState } from '../../../src/core/weights/index.ts';
import { endpoints, OPTIONS, START_MS } from '../weights/beliefs.ts';
import { inputAt, live, N, page, report, type Second, sample, steady } from './seconds.ts';

/** The invariants of docs/design/control-law.md that are about beliefs, by their numbers. */
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
    for (const [i, belief] of silent.load.endpoints.entries()) {
      expect(belief.logCapacity).toBeCloseTo(learned.load.endpoints[i]!.logCapacity, 1);
      const notes = beliefNotes(endpoints(N)[i]!, silent.state.endpoints[belief.id]!, belief, silent.state.atMs);
      expect(notes.join()).toMatch(/s old: beliefs are held/);
    }
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
});
