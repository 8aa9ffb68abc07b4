import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { proportionalGain } from '../../../src/core/weights/gain.ts';
import { type Outcome, stepWeights } from '../../../src/core/weights/index.ts';
import { anyBeliefs, anyRun, belief, beliefs, endpoints, hold, reasons, run, shares, weights } from './beliefs.ts';

const PUSHES: readonly Outcome[] = ['First', 'Pushed', 'SnappedEqual', 'Membership', 'Single'];
const STEP = 0.05;
const finite = (min: number, max: number): fc.Arbitrary<number> => fc.double({ min, max, noNaN: true });

/** The invariants of docs/design/control-law.md by their numbers. 5 and 13 are about beliefs: test/core/load. */
describe('the law', () => {
  it('1: gives each endpoint an integer weight of 1..1000, the same for the same history, and changes no input', () => {
    fc.assert(
      fc.property(anyRun, (ticks) => {
        const frozen = deepFreeze(structuredClone(ticks));
        const steps = run(frozen);
        for (const step of steps) {
          expect(step.decision.endpoints).toHaveLength(step.input.endpoints.length);
          for (const { weight, share, terms } of step.decision.endpoints) {
            expect(Number.isInteger(weight) && weight >= 1 && weight <= 1000, `weight ${weight}`).toBe(true);
            expect(Number.isFinite(share)).toBe(true);
            expect(Object.values(terms).every(Number.isFinite), JSON.stringify(terms)).toBe(true);
          }
          const told = reasons(step.decision, step.input.load);
          expect(told).toHaveLength(step.input.endpoints.length);
          for (const reason of told) expect(reason.length).toBeGreaterThan(5);
        }
        expect(JSON.stringify(run(ticks))).toBe(JSON.stringify(steps));
      }),
    );
  });

  it('1: goes on from a state that was saved as JSON as if nothing had happened', () => {
    fc.assert(
      fc.property(anyRun, (ticks) => {
        const steps = run(ticks);
        const last = steps.at(-1)!;
        const before = steps.at(-2)?.state;
        const saved = before === undefined ? undefined : JSON.parse(JSON.stringify(before));
        expect(stepWeights(saved, last.input)).toEqual({ state: last.state, decision: last.decision });
      }),
    );
  });

  it('2: keeps a homogeneous fleet exactly equal, and pushes nothing after the first weights', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 40 }),
        finite(0, 300),
        finite(1, 256),
        finite(1, 60),
        (n, inFlight, slots, time) => {
          const load = beliefs(
            Array.from({ length: n }, (_, i) => belief(i, { inFlight, slots })),
            { requestTimeSec: time },
          );
          const steps = run(hold(load, 30));
          expect(new Set(weights(steps.at(-1)!))).toEqual(new Set([1000]));
          expect(steps.filter(({ decision }) => PUSHES.includes(decision.outcome))).toHaveLength(1);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('3: permutes the targets when the endpoints are permuted', () => {
    fc.assert(
      fc.property(anyRun, (ticks) => {
        const n = ticks[0]!.load.endpoints.length;
        const turn = (i: number): number => (i + 1) % n;
        const turned = ticks.map(({ afterMs, load }) => ({
          afterMs,
          load: {
            ...load,
            endpoints: load.endpoints.map((_, i) => ({ ...load.endpoints[turn(i)]!, id: load.endpoints[i]!.id })),
          },
        }));
        // Not the weights: sums in another order differ in their last bits, and may fall on the other side of a threshold.
        const plain = shares(run(ticks).at(-1)!);
        for (const [i, share] of shares(run(turned).at(-1)!).entries()) expect(share).toBeCloseTo(plain[turn(i)]!, 9);
      }),
    );
  });

  it('3: does not know units: scaling all slots alike changes no target', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }).chain(anyBeliefs), finite(0.1, 10), (load, factor) => {
        const scaled = {
          ...load,
          endpoints: load.endpoints.map((one) => ({
            ...one,
            slots: one.slots * factor,
            pressure: one.pressure / factor,
          })),
        };
        const plain = shares(run(hold(load, 5)).at(-1)!);
        for (const [i, share] of shares(run(hold(scaled, 5)).at(-1)!).entries())
          expect(share).toBeCloseTo(plain[i]!, 9);
      }),
    );
  });

  it('4: never gives more to an endpoint that has more in flight, nor less to one that learned more capacity', () => {
    fc.assert(
      fc.property(finite(0, 100), finite(1, 100), finite(0, 1), (inFlight, more, capacity) => {
        const others = [1, 2, 3].map((i) => belief(i));
        const shareOf = (first: ReturnType<typeof belief>): number =>
          shares(run(hold(beliefs([first, ...others], { meanInFlightPerSidecar: 4 }), 10)).at(-1)!)[0]!;
        const light = shareOf(belief(0, { inFlight }));
        expect(shareOf(belief(0, { inFlight: inFlight + more }))).toBeLessThanOrEqual(light + 1e-9);
        expect(shareOf(belief(0, { inFlight, logCapacity: capacity }))).toBeGreaterThanOrEqual(light - 1e-9);
      }),
    );
  });

  it('6: takes the traffic from an endpoint whose answers are errors, and its emptiness cannot bring it back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 16 }), finite(0.5, 1), finite(0, 7), (n, errorRatio, inFlight) => {
        const sick = (left: number) =>
          beliefs([
            belief(0, { errorRatio, errorsPerSec: 5, bad: true, inFlight: left }),
            ...Array.from({ length: n - 1 }, (_, i) => belief(i + 1)),
          ]);
        const full = shares(run(hold(sick(8), 10)).at(-1)!)[0]!;
        const empty = shares(run(hold(sick(inFlight), 10)).at(-1)!)[0]!;
        // 5 % of what each of the others gets, or the floor.
        expect(full).toBeLessThanOrEqual(Math.max(0.04 / n, 0.05 / (n - 1)) + 1e-9);
        expect(empty).toBeLessThanOrEqual(full + 1e-9);
      }),
    );
  });

  it('6, as G3 changes it: leaves a sick endpoint its working part where the rest has no room', () => {
    const share = (goodPressure: number): number =>
      shares(
        run(
          hold(beliefs([belief(0, { errorRatio: 0.5, errorsPerSec: 5, bad: true }), belief(1)], { goodPressure }), 10),
        ).at(-1)!,
      )[0]!;
    expect(share(0.6)).toBeLessThan(0.06);
    expect(share(1)).toBeGreaterThan(0.3);
  });

  it('7: gives a newcomer a tenth until its first completion, then never less while it stays well', () => {
    const fair = 0.25;
    const waiting = beliefs([belief(0, { waiting1st: true }), belief(1), belief(2), belief(3)]);
    expect(shares(run(hold(waiting, 5)).at(-1)!)[0]).toBeLessThanOrEqual(0.1 * fair * (4 / 3));
    const ramp = run(
      Array.from({ length: 60 }, (_, sec) => ({
        afterMs: 1000,
        load: beliefs([belief(0, { rampAgeSec: sec }), belief(1), belief(2), belief(3)]),
      })),
    ).map((step) => shares(step)[0]!);
    for (const [i, share] of ramp.slice(1).entries()) expect(share).toBeGreaterThanOrEqual(ramp[i]! - 1e-9);
    expect(ramp.at(-1)).toBeCloseTo(fair, 6);
  });

  it('8: halves a weight at most, and raises it by a quarter at most, per second between two pushes', () => {
    fc.assert(
      fc.property(anyRun, (ticks) => {
        const all = run(ticks);
        all.forEach(({ decision, state, input }, i) => {
          const before = all[i - 1]?.state;
          if (decision.outcome !== 'Pushed' || before === undefined) return;
          const sec = Math.max(1, (input.nowMs - before.lastPushMs) / 1000);
          for (const { id } of input.endpoints) {
            const moved = state.endpoints[id]!.sent - before.endpoints[id]!.sent;
            expect(moved).toBeLessThanOrEqual(Math.log(1.25) * sec + 1e-9);
            expect(moved).toBeGreaterThanOrEqual(-Math.LN2 * sec - 1e-9);
          }
        });
      }),
    );
  });

  it('9: pushes at most once in a tick, and only what differs from what stands', () => {
    fc.assert(
      fc.property(anyRun, (ticks) => {
        let lastPushMs = Number.NEGATIVE_INFINITY;
        let standing: readonly number[] = [];
        for (const step of run(ticks)) {
          const next = weights(step);
          const { outcome } = step.decision;
          if (!PUSHES.includes(outcome)) {
            expect(next, outcome).toEqual(standing);
            continue;
          }
          expect(step.input.nowMs - lastPushMs).toBeGreaterThanOrEqual(950);
          if (outcome === 'Pushed') expect(next).not.toEqual(standing);
          lastPushMs = step.input.nowMs;
          standing = next;
        }
      }),
    );
  });

  it('10: bounds the gain by the delay, and every share by its floor', () => {
    fc.assert(
      fc.property(
        finite(0, 60),
        finite(1, 60),
        finite(0, 50),
        finite(0, 20),
        fc.boolean(),
        (delay, time, inFlight, more, lr) => {
          const load = beliefs([belief(0), belief(1)], {
            loadReports: 'Silent',
            engineDelaySec: delay,
            requestTimeSec: time,
            meanInFlightPerSidecar: inFlight,
          });
          const gain = proportionalGain(load, lr, 1);
          expect(gain).toBeGreaterThan(0);
          expect(gain).toBeLessThanOrEqual(2);
          expect(gain * (Math.max(1, delay) + 1.5)).toBeLessThanOrEqual(0.35 * time + 1e-9);
          expect(proportionalGain({ ...load, engineDelaySec: delay + more }, lr, 1)).toBeLessThanOrEqual(gain);
          expect(proportionalGain({ ...load, meanInFlightPerSidecar: inFlight + more }, lr, 1)).toBeLessThanOrEqual(
            gain,
          );
          expect(proportionalGain({ ...load, ageSec: 5 }, lr, 1)).toBeLessThanOrEqual(gain);
        },
      ),
    );
    fc.assert(
      fc.property(anyRun, (ticks) => {
        for (const step of run(ticks)) {
          const all = shares(step);
          expect(all.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 2);
          for (const share of all) expect(share).toBeGreaterThanOrEqual(0.04 / all.length - 1e-12);
        }
      }),
    );
  });

  it('11: is stable in its linear loop at every delay and request time', () => {
    const DT = 0.5;
    for (const delaySec of [1, 2, 5, 10, 20, 40]) {
      for (const timeSec of [1, 3, 8, 20, 60]) {
        const gain = proportionalGain(
          beliefs([belief(0)], { loadReports: 'Silent', engineDelaySec: delaySec, requestTimeSec: timeSec }),
          false,
          1,
        );
        // dN/dt = rate × share − N/S, around N = 1: the deviation x follows -gain × x(t − delay) − x, over S.
        const trace = Array.from({ length: Math.ceil(delaySec / DT) + 1 }, () => 1);
        for (let t = 0; t < 1200; t += DT) {
          const x = trace.at(-1)!;
          const seen = trace[trace.length - 1 - Math.ceil(delaySec / DT)]!;
          trace.push(x + (DT * (-gain * seen - x)) / timeSec);
        }
        const late = Math.max(...trace.slice(-200).map(Math.abs));
        expect(late, `delay ${delaySec} s, requests of ${timeSec} s, gain ${gain.toFixed(3)}`).toBeLessThan(0.01);
      }
    }
  });

  it('12: leaves the ratios of the others alone when one endpoint goes', () => {
    const loads = [0, 1, 2, 3].map((i) => belief(i, { logCapacity: [0.6, -0.6, 0.3, -0.3][i]! }));
    const steady = run(hold(beliefs(loads), 60)).at(-1)!;
    const rest = loads.slice(0, 3);
    const { decision } = stepWeights(steady.state, {
      ...steady.input,
      nowMs: steady.input.nowMs + 10_000,
      endpoints: endpoints(3),
      load: beliefs(rest),
    });
    expect(decision.outcome).toBe('Membership');
    const [before, after] = [weights(steady), weights({ decision })];
    expect(new Set(before).size).toBeGreaterThan(2);
    for (const i of [1, 2])
      expect(Math.abs(Math.log(after[i]! / after[0]!) - Math.log(before[i]! / before[0]!))).toBeLessThan(2 * STEP);
  });

  it('14: pushes nothing for ten idle minutes but the return to equal, and then resumes within its limits', () => {
    const skewed = beliefs([0, 1, 2, 3].map((i) => belief(i, { logCapacity: i === 0 ? -0.9 : 0.3 })));
    const idle = beliefs(
      [0, 1, 2, 3].map((i) => belief(i, { inFlight: 0, logCapacity: i === 0 ? -0.9 : 0.3 })),
      { goodPressure: 0, meanInFlightPerSidecar: 0 },
    );
    const all = run([...hold(skewed, 60), ...hold(idle, 600), ...hold(skewed, 5)]);
    const settled = all.slice(120, 660).filter(({ decision }) => PUSHES.includes(decision.outcome));
    expect(settled.map(({ decision }) => decision.outcome).filter((outcome) => outcome !== 'SnappedEqual')).toEqual([]);
    expect(settled.length).toBeLessThanOrEqual(1);
  });
});

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
