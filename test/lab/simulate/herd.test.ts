import { describe, expect, it } from 'vitest';
import { SUITE } from '../../../src/lab/simulate/index.ts';
import { recordScenario } from '../../../src/lab/simulate/run-scenario.ts';
import { shapedScenario, WIDE } from '../../../src/lab/simulate/shape.ts';

/** Load reports wait 20 s somewhere, and nothing says so; many sidecars, so that least_request levels nothing. */
const LATE = shapedScenario('reports 20 s late M256', WIDE, {
  sidecars: 256,
  signals: { engine: false, reportDelayMs: 20_000 },
  events: [{ kind: 'Condition', server: 7, atMs: 60_000, change: { speed: 0.5 } }],
  durationMs: 320_000,
  warmUpMs: 60_000,
});

describe('the herd detector in virtual time', () => {
  it('calms a law that chases its own weights on news that are 20 s old', () => {
    const blind = recordScenario(LATE, 'Loadline', 1, { watchful: false });
    const watchful = recordScenario(LATE, 'Loadline', 1);
    expect(watchful.herdsAtMs.length).toBeGreaterThan(0);
    expect(watchful.herdsAtMs[0]).toBeGreaterThan(60_000);
    expect(watchful.outcome.goodput).toBeGreaterThan(blind.outcome.goodput + 0.1);
    expect(watchful.outcome.imbalance).toBeLessThan(blind.outcome.imbalance - 0.2);
    expect(watchful.outcome.pushesPerMin).toBeLessThan(blind.outcome.pushesPerMin);
  }, 240_000);

  it('sees no herd in even, stepping and bursting fleets, nor in foreign load', () => {
    const calm = ['live homogeneous M16', 'live step M4', 'foreign load M16', 'burst ×2.5 M16'];
    for (const name of calm) {
      const scenario = SUITE.find((one) => one.name === name)!;
      expect(recordScenario(scenario, 'Loadline', 1).herdsAtMs, name).toEqual([]);
    }
  }, 240_000);
});
