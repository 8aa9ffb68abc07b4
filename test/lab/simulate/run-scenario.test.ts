import { describe, expect, it } from 'vitest';
import { ARMS, type Arm, recordScenario, runScenario, type Scenario, SUITE } from '../../../src/lab/simulate/index.ts';

function named(name: string): Scenario {
  const found = SUITE.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no scenario is named ${name}`);
  return found;
}

function short(scenario: Scenario): Scenario {
  return { ...scenario, durationMs: 40_000, warmUpMs: 0 };
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(1)} %`;
}

describe('a simulated run', () => {
  it.each(ARMS)('of %s gives the same figures for the same seed, and others for another', (arm) => {
    const scenario = short(named('live speeds M4'));
    const once = runScenario(scenario, arm, 5);
    expect(runScenario(scenario, arm, 5)).toEqual(once);
    expect(runScenario(scenario, arm, 6)).not.toEqual(once);
  });

  it('gives every arm the same requests', () => {
    const scenario = short(named('live widths M4'));
    const counts = ARMS.map((arm) => runScenario(scenario, arm, 1).requests);
    expect(new Set(counts).size).toBe(1);
    expect(counts[0]).toBeGreaterThan(1000);
  });

  it.each<Arm>([
    'LeastRequest',
    'Loadline',
  ])('ends every request: none is lost with %s, also when a server dies', (arm) => {
    const scenario = named('crash and cold return M16');
    const { requests, errors, endToEndP99Ms } = runScenario(scenario, arm, 2);
    expect(errors).toBeGreaterThan(0);
    expect(errors).toBeLessThan(0.05 * requests);
    expect(endToEndP99Ms).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  it('has names that are there once', () => {
    const names = SUITE.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('zones', () => {
  const named = (name: string): Scenario => {
    const scenario = SUITE.find((one) => one.name === name) as Scenario;
    return { ...scenario, durationMs: 60_000 };
  };
  const apart = named('two zones 30 ms apart M16');

  it('cost a request that crosses them the way there and back', () => {
    const far: Scenario = {
      ...apart,
      zones: { ofServers: Array(8).fill(1), ofSidecars: Array(16).fill(0), crossMs: 30 },
    };
    const near: Scenario = {
      ...apart,
      zones: { ofServers: Array(8).fill(1), ofSidecars: Array(16).fill(1), crossMs: 30 },
    };
    const [slow, quick] = [far, near].map((scenario) => runScenario(scenario, 'RoundRobin', 4).ttftP50Ms) as [
      number,
      number,
    ];
    expect(slow - quick).toBeGreaterThan(55);
    expect(slow - quick).toBeLessThan(65);
  });

  it('keep their requests where the policy says so: far fewer cross, and a slow zone still sends its own away', () => {
    const unequal = named('two zones 30 ms apart, speeds 1/.5 M16');
    const zones = unequal.zones as NonNullable<Scenario['zones']>;
    const preferring: Scenario = { ...unequal, zones: { ...zones, preferred: ['fast', 'slow'] } };
    for (const seed of [4, 5]) {
      const [anywhere, kept] = [unequal, preferring].map((one) => recordScenario(one, 'Loadline', seed)) as [
        ReturnType<typeof recordScenario>,
        ReturnType<typeof recordScenario>,
      ];
      const share = ({ servers }: typeof kept): number =>
        servers.slice(4).reduce((sum, { requests }) => sum + requests, 0) /
        servers.reduce((sum, { requests }) => sum + requests, 0);
      const [before, after] = [anywhere, kept].map(
        ({ crossedRatio, outcome }) =>
          `${percent(crossedRatio)} cross, goodput ${percent(outcome.goodput)}, first token p50 ${outcome.ttftP50Ms.toFixed(0)} ms`,
      );
      process.stdout.write(`two zones, seed ${seed}: ${before}; in their zone: ${after}\n`);
      expect(anywhere.crossedRatio).toBeGreaterThan(0.45);
      expect(kept.crossedRatio).toBeLessThan(0.25);
      // The slow zone has what it had, though half of the requests are its own.
      expect(Math.abs(share(kept) - share(anywhere))).toBeLessThan(0.03);
      expect(kept.outcome.goodput).toBeGreaterThan(anywhere.outcome.goodput - 0.01);
    }
  });

  it('choose nothing: servers of both get the same share, and the law takes a zone for no difference', () => {
    const { outcome, servers } = recordScenario(apart, 'Loadline', 4);
    const all = servers.reduce((sum, { requests }) => sum + requests, 0);
    const first = servers.slice(0, 4).reduce((sum, { requests }) => sum + requests, 0);
    expect(first / all).toBeCloseTo(0.5, 1);
    expect(outcome.pushesPerMin).toBeLessThanOrEqual(1);
  });
});
