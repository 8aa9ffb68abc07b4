import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../../src/core/topology/index.ts';
import { restingWeights, stepWeights, type WeightsState } from '../../../src/core/weights/index.ts';
import { belief, beliefs, endpoint, hold, OPTIONS, reasons, run, START_MS, weights } from './beliefs.ts';

const fleet = (first: Parameters<typeof belief>[1], over: Parameters<typeof beliefs>[1] = {}) =>
  beliefs([belief(0, first), ...[1, 2, 3, 4, 5, 6, 7].map((i) => belief(i))], over);

describe('weights', () => {
  it('leave a server that slowed, with the reason, and return when it is well', () => {
    const slow = fleet({ inFlight: 30, logCapacity: -0.6 });
    const all = run([...hold(fleet({}), 10), ...hold(slow, 20), ...hold(fleet({}), 30)]);
    const during = all[29]!;
    expect(weights(during)[0]).toBeLessThan(600);
    expect(reasons(during.decision, slow)[0]).toMatch(
      /less than an even share: learned capacity is 0\.\d+ of the mean/,
    );
    expect(during.decision.endpoints[0]!.terms.capacity).toBeLessThan(-0.4);
    expect(weights(all.at(-1)!)).toEqual(Array(8).fill(1000));
    expect(all.slice(0, 10).map(({ decision }) => decision.outcome)).toEqual(['First', ...Array(9).fill('HeldEqual')]);
  });

  it('come back to a server that recovered, although nothing reaches it any more', () => {
    const light = [1, 2, 3, 4, 5, 6, 7].map((i) => belief(i, { inFlight: 0.5 }));
    const fleet = (first: Parameters<typeof belief>[1], over: Parameters<typeof beliefs>[1] = {}) =>
      beliefs([belief(0, { inFlight: 0.5, ...first }), ...light], over);
    const sick = fleet({ inFlight: 0, errorRatio: 1, errorsPerSec: 3, bad: true }, { meanInFlightPerSidecar: 0.3 });
    const well = fleet({ inFlight: 0, waiting1st: true }, { meanInFlightPerSidecar: 0.3 });
    const all = run([...hold(fleet({}), 5), ...hold(sick, 20), ...hold(well, 30)]);
    expect(weights(all[24]!)[0]).toBeLessThan(40);
    // A tenth of an even share, whatever the dead band says of so small a one.
    expect(weights(all.at(-1)!)[0]).toBeGreaterThan(60);
  });

  it('let a newcomer help at once where the others have no room, and ramp it up where they have', () => {
    const newcomer = { inFlight: 1, rampAgeSec: 3 };
    const rampOf = (goodPressure: number): number =>
      run(hold(fleet(newcomer, { goodPressure }), 30)).at(-1)!.decision.endpoints[0]!.terms.ramp;
    expect(rampOf(0.5)).toBeCloseTo(Math.log(0.1));
    expect(rampOf(0.775)).toBeCloseTo(Math.log(0.5));
    expect(rampOf(0.95)).toBe(0);
    // Nobody has seen it answer yet: then it is tried, and no more.
    const untried = run(hold(fleet({ inFlight: 1, waiting1st: true }, { goodPressure: 0.95 }), 30)).at(-1)!;
    expect(untried.decision.endpoints[0]!.terms.ramp).toBeCloseTo(Math.log(0.1));
  });

  it('stay where they are while nothing is known, and turn equal after a minute', () => {
    const known = beliefs([belief(0, { logCapacity: -0.9 }), belief(1, { logCapacity: 0.9 })]);
    const blind = beliefs([belief(0, { engine: 'Stale' }), belief(1, { engine: 'Absent' })], { loadReports: 'Silent' });
    const all = run([...hold(known, 30), ...hold(blind, 90)]);
    const before = weights(all[29]!);
    expect(before[0]).toBeLessThan(before[1]!);
    expect(all[60]!.decision.outcome).toBe('HeldNoSignal');
    expect(weights(all[88]!)).toEqual(before);
    expect(weights(all.at(-1)!)).toEqual([1000, 1000]);
  });

  it('are what they were on a draining endpoint, and are not moved by a policy that shadows or disables them', () => {
    const skewed = hold(beliefs([belief(0, { logCapacity: -0.9 }), belief(1, { logCapacity: 0.9 })]), 30);
    const active = run(skewed).at(-1)!;
    const shadow = run(skewed, { ...OPTIONS, mode: 'Shadow' }).at(-1)!;
    const disabled = run(skewed, { ...OPTIONS, mode: 'Disabled' }).at(-1)!;
    expect(weights(active)[0]).toBeLessThan(500);
    expect(weights(shadow)).toEqual([1000, 1000]);
    expect(shadow.decision.outcome).toBe('Shadow');
    expect(Object.values(shadow.decision.shadowWeights!)).toEqual(weights(active));
    expect(weights(disabled)).toEqual([1000, 1000]);
    expect(reasons(disabled.decision, skewed[0]!.load)[0]).toContain('disabled by policy');
  });

  it('know an endpoint that comes back from draining as a newcomer, and are decided at once when one drains', () => {
    const three = [endpoint(0), endpoint(1), endpoint(2)];
    const draining = [endpoint(0, { lifecycle: 'Draining' }), endpoint(1), endpoint(2)];
    const even = beliefs([belief(0), belief(1), belief(2)]);
    const slow = beliefs([
      belief(0, { logCapacity: -0.9 }),
      belief(1, { logCapacity: 0.45 }),
      belief(2, { logCapacity: 0.45 }),
    ]);
    const decide = (state: WeightsState, sec: number, members: readonly Endpoint[]) =>
      stepWeights(state, {
        nowMs: START_MS + sec * 1000,
        service: 'chat',
        endpoints: members,
        load: even,
        options: OPTIONS,
      });
    const skewed = run(hold(slow, 30)).at(-1)!;
    expect(weights(skewed)[0]).toBeLessThan(500);
    const leaves = decide(skewed.state, 40, draining);
    expect(leaves.decision.outcome).toBe('Membership');
    expect(weights(leaves)[0]).toBe(weights(skewed)[0]);
    expect(weights(leaves).slice(1)).toEqual([1000, 1000]);
    const back = decide(leaves.state, 50, three);
    expect(back.decision.outcome).toBe('Membership');
    expect(weights(back)).toEqual([1000, 1000, 1000]);
  });

  it('rest, when the controller goes, on what was learned and not on what is in flight', () => {
    const busy = beliefs(
      [belief(0, { logCapacity: -0.9, inFlight: 40 }), belief(1, { logCapacity: 0.9, inFlight: 2 })],
      { meanInFlightPerSidecar: 1 },
    );
    const steady = run(hold(busy, 40)).at(-1)!;
    const rest = restingWeights(steady.state, [endpoint(0), endpoint(1)], OPTIONS);
    expect(rest[endpoint(0).id]).toBeGreaterThan(weights(steady)[0]!);
    expect(rest[endpoint(0).id]).toBeLessThan(1000);
    expect(rest[endpoint(1).id]).toBe(1000);
    expect(restingWeights(steady.state, [endpoint(0)], { ...OPTIONS, mode: 'Disabled' })[endpoint(0).id]).toBe(1000);
  });
});
