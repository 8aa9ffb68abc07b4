import { describe, expect, it } from 'vitest';
import { type Event, recordScenario, type Scenario, SUITE, stepsOf } from '../../../src/lab/simulate/index.ts';

/** Eight equal servers: an eighth is fair. */
const equal = SUITE.find(({ name }) => name === 'live homogeneous M4') as Scenario;

function steps(...events: readonly Event[]): readonly (readonly [number, number, string])[] {
  return stepsOf({ ...equal, events }).map(({ server, atMs, fairAfter }) => [
    server,
    atMs / 1000,
    fairAfter.toFixed(3),
  ]);
}

describe('the fair share of a server', () => {
  it('follows its speed, and the capacity that other tenants leave', () => {
    expect(
      steps(
        { kind: 'Condition', server: 7, atMs: 30_000, change: { speed: 0.5 } },
        { kind: 'Condition', server: 7, atMs: 60_000, change: { speed: 1 } },
        { kind: 'Condition', server: 2, atMs: 70_000, change: { foreignLoad: 0.5 } },
      ),
    ).toEqual([
      [7, 30, '0.067'],
      [7, 60, '0.125'],
      [2, 70, '0.067'],
    ]);
  });

  it('is none while it is dead, cold, wedged or away, and comes back', () => {
    const backAndForth = [
      [7, 30, '0.000'],
      [7, 50, '0.125'],
    ];
    expect(steps({ kind: 'Crash', server: 7, atMs: 30_000, backAtMs: 50_000 })).toEqual(backAndForth);
    expect(steps({ kind: 'ColdStart', server: 7, atMs: 30_000, forMs: 20_000 })).toEqual(backAndForth);
    expect(
      steps({ kind: 'Leave', server: 7, atMs: 30_000 }, { kind: 'Join', server: 7, atMs: 45_000, coldMs: 5000 }),
    ).toEqual(backAndForth);
    expect(
      steps(
        { kind: 'Condition', server: 7, atMs: 30_000, change: { frozen: true } },
        { kind: 'Condition', server: 7, atMs: 50_000, change: { frozen: false } },
      ),
    ).toEqual(backAndForth);
  });

  it('does not move with what only confuses the controller, nor after the run', () => {
    expect(
      steps(
        { kind: 'FreezeMetrics', server: 1, atMs: 10_000 },
        { kind: 'FalseClock', server: 1, atMs: 10_000, ratio: 0.7 },
        { kind: 'SidecarRestart', sidecar: 1, atMs: 10_000, backAtMs: 12_000 },
        { kind: 'Crash', server: 1, atMs: 500_000, backAtMs: 510_000 },
      ),
    ).toEqual([]);
  });
});

describe('a server that leaves and joins again', () => {
  it('is there at first, gets nothing while it is away, and its share when it is back', () => {
    const events: readonly Event[] = [
      { kind: 'Leave', server: 7, atMs: 20_000 },
      { kind: 'Join', server: 7, atMs: 40_000, coldMs: 0 },
    ];
    const { issued } = recordScenario({ ...equal, events, durationMs: 60_000, warmUpMs: 0 }, 'LeastRequest', 3);
    const sums = [0, 20, 40].map((from) => issued.slice(from, from + 20).reduce((sum, one) => sum + (one[7] ?? 0), 0));
    expect(sums[0]).toBeGreaterThan(50);
    expect(sums[1]).toBeLessThanOrEqual(1); // what was picked while the push was under way
    expect(sums[2]).toBeGreaterThan(50);
  });
});
