import { describe, expect, it } from 'vitest';
import { ENGINE, FLEET, fleetCapacityPerSec } from '../../../src/lab/demo/fleet.ts';
import { parseOptions } from '../../../src/lab/demo/options.ts';
import { planScenario } from '../../../src/lab/demo/scenario.ts';
import { BatchEngine, STANDARD_PROFILE } from '../../../src/lab/modelserver/index.ts';
import { readShippedTrace } from '../../../src/lab/traffic/index.ts';

const LENGTHS = { promptTokens: 500, outputTokens: 95 };

function plan(...args: string[]): ReturnType<typeof planScenario> {
  const parsed = parseOptions(args);
  if (parsed.kind !== 'Run') throw new Error('the arguments of this test are wrong');
  return planScenario(parsed.options, FLEET, readShippedTrace());
}

describe('the fleet', () => {
  it('is of two generations that differ in speed and in batch width', () => {
    expect(new Set(FLEET.map(({ generation }) => generation)).size).toBe(2);
    expect(new Set(FLEET.map(({ speed }) => speed)).size).toBe(2);
    expect(new Set(FLEET.map(({ slots }) => slots)).size).toBe(2);
    expect(FLEET).toHaveLength(8);
  });

  it('can serve what its engines serve when they never run dry', () => {
    for (const server of [FLEET[0]!, FLEET[7]!]) {
      const engine = new BatchEngine(
        { ...STANDARD_PROFILE, ...ENGINE, slots: server.slots, speed: server.speed, kvTokens: 1e9 },
        0,
      );
      for (let id = 1; id <= 4000; id += 1) engine.submit({ id, ...LENGTHS }, 0);
      const finishedBy = (ms: number): number => engine.advance(ms).filter(({ kind }) => kind === 'Finished').length;
      finishedBy(60_000);
      const perSec = finishedBy(260_000) / 200;
      const told = fleetCapacityPerSec([server], LENGTHS);
      expect(Math.abs(perSec / told - 1)).toBeLessThan(0.05);
    }
  });
});

describe('the plan of a run', () => {
  it('slows a GPU at a third and heals it at two thirds', () => {
    const scenario = plan('--duration', '180s');
    expect(scenario).toMatchObject({ slowAtMs: 60_000, recoverAtMs: 120_000, endMs: 180_000 });
    expect(scenario.phases.map(({ name }) => name)).toEqual(['warmUp', 'steady', 'slowed', 'recovered']);
    for (let at = 1; at < 4; at += 1) expect(scenario.phases[at]!.fromMs).toBe(scenario.phases[at - 1]!.toMs);
  });

  it('loads the fleet as asked, warm-up included', () => {
    const scenario = plan('--load', '0.6', '--duration', '60s', '--warm-up', '10s');
    expect(scenario.ratePerSec / scenario.capacityPerSec).toBeCloseTo(0.6, 9);
    expect(scenario.arrivals).toHaveLength(Math.round(scenario.ratePerSec * 70));
    expect(scenario.arrivals.at(-1)!.atMs).toBeLessThan(70_000);
    const outputs = scenario.arrivals.reduce((sum, { outputTokens }) => sum + outputTokens, 0);
    expect(outputs / scenario.arrivals.length).toBeCloseTo(LENGTHS.outputTokens, 0);
  });

  it('stays within what two cores carry: at most 35 requests a second in each lane by default', () => {
    expect(plan().ratePerSec).toBeLessThan(35);
    expect(plan().ratePerSec).toBeGreaterThan(20);
  });
});
