import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counterfactualOf, imbalanceOf, issuedShares } from '../../../src/core/control/index.ts';
import { Fleet, fleetPolicy } from './fleet.ts';

const id = (i: number): string => `chat/gpu/10.0.0.${i + 1}:8000`;

/** What a fleet with a slow third server is believed to be after so many seconds. */
function fleetAfter(seconds: number, mode: string, type = 'LeastRequest') {
  const lines = `  loadBalancer: { type: ${type}, weights: ${mode} }\n`;
  const fleet = new Fleet(fleetPolicy({ lines }), [30, 30, 4]);
  fleet.run(seconds);
  const load = fleet.loads.chat!;
  const decision = fleet.state.plan!.decisions.chat!;
  return { load, decision, issued: issuedShares(fleet.state.issued.chat!) };
}

describe('what the computed weights would do', () => {
  it('is less for the slow server, more for the others, the same in all, and evener', () => {
    const { load, decision, issued } = fleetAfter(60, 'Shadow');
    const now = imbalanceOf(load, decision)!;
    const then = counterfactualOf(load, decision, issued, true)!;
    expect(now).toBeGreaterThan(1.5);
    expect(then.imbalance).toBeLessThan(now);
    expect(then.moves.at(-1)!.id).toBe(id(2));
    expect(then.moves.at(-1)!.estimated).toBeLessThan(then.moves.at(-1)!.now);
    for (const move of then.moves.slice(0, 2)) expect(move.estimated).toBeGreaterThan(move.now);
    expect(then.moves.reduce((sum, move) => sum + move.estimated, 0)).toBeCloseTo(1, 6);
  });

  it('points where the fleet really goes when the weights are let in', () => {
    const shadow = fleetAfter(60, 'Shadow');
    const active = fleetAfter(60, 'Active');
    const then = counterfactualOf(shadow.load, shadow.decision, shadow.issued, true)!;
    const real = imbalanceOf(active.load, active.decision)!;
    const now = imbalanceOf(shadow.load, shadow.decision)!;
    expect(real).toBeLessThan(now);
    expect(Math.abs(then.imbalance - real)).toBeLessThan(Math.abs(now - real));
  });

  it('is nothing where the computed weights are those that are sent', () => {
    const { load, decision, issued } = fleetAfter(60, 'Shadow');
    const same = Object.fromEntries(decision.endpoints.map((one) => [one.id, one.weight]));
    const then = counterfactualOf(load, { ...decision, shadowWeights: same }, issued, true)!;
    expect(then.imbalance).toBeCloseTo(imbalanceOf(load, decision)!, 9);
    for (const move of then.moves) expect(move.estimated).toBeCloseTo(move.now, 9);
  });

  it('goes with the weights alone under round robin', () => {
    const { load, decision, issued } = fleetAfter(60, 'Shadow', 'RoundRobin');
    const weights = [1000, 1000, 500];
    const shadowWeights = Object.fromEntries(weights.map((weight, i) => [id(i), weight]));
    const then = counterfactualOf(load, { ...decision, shadowWeights }, issued, false)!;
    const share = (i: number) => then.moves.find((move) => move.id === id(i))!;
    expect(share(2).estimated / share(2).now / (share(0).estimated / share(0).now)).toBeCloseTo(0.5, 6);
  });

  it('keeps the sum of shares, whatever the weights', () => {
    const { load, decision, issued } = fleetAfter(60, 'Shadow');
    const weight = fc.integer({ min: 1, max: 1000 });
    fc.assert(
      fc.property(fc.tuple(weight, weight, weight), fc.boolean(), (weights, leastRequest) => {
        const shadowWeights = Object.fromEntries(weights.map((one, i) => [id(i), one]));
        const { moves, imbalance } = counterfactualOf(load, { ...decision, shadowWeights }, issued, leastRequest)!;
        expect(moves.reduce((sum, move) => sum + move.estimated, 0)).toBeCloseTo(1, 6);
        expect(imbalance).toBeGreaterThanOrEqual(1);
      }),
    );
  });

  it('is not known without sidecars that report, nor asked where all of the weights is sent', () => {
    const { load, decision, issued } = fleetAfter(60, 'Shadow');
    expect(counterfactualOf({ ...load, loadReports: 'Silent' }, decision, issued, true)).toBeUndefined();
    expect(counterfactualOf(load, decision, {}, true)).toBeUndefined();
    const active = fleetAfter(60, 'Active');
    expect(counterfactualOf(active.load, active.decision, active.issued, true)).toBeUndefined();
    const idle = { ...load, endpoints: load.endpoints.map((one) => ({ ...one, inFlight: 0 })) };
    expect(imbalanceOf(idle, decision)).toBeUndefined();
  });
});
