import { FLEET } from '../../../src/lab/demo/fleet.ts';
import { LaneAccount } from '../../../src/lab/demo/lane-account.ts';
import { LaneSamples } from '../../../src/lab/demo/lane-samples.ts';
import { parseOptions } from '../../../src/lab/demo/options.ts';
import { NO_PUSHES } from '../../../src/lab/demo/push-counts.ts';
import { type DemoReport, type LaneMeasured, makeReport } from '../../../src/lab/demo/report.ts';
import { planScenario, type Scenario } from '../../../src/lab/demo/scenario.ts';
import { readShippedTrace } from '../../../src/lab/traffic/index.ts';

/** Seconds that the made-up lane needs to take its weight from the slowed server. */
const SHIFT_SEC = 8;

/**
 * A report of a run that never was: 180 s, every fifth request of the least-request lane late, none in Loadline's, whose
 * weight of the slowed server halves along a ramp.
 */
export function sampleReport(change: { readonly clientErrors?: number; readonly lagMs?: number } = {}): DemoReport {
  const parsed = parseOptions(['--seed', '11']);
  if (parsed.kind !== 'Run') throw new Error('the arguments of the sample are wrong');
  const scenario = planScenario(parsed.options, FLEET, readShippedTrace());
  const lane = (lateEvery: number, ramp: boolean): LaneMeasured => ({
    account: account(scenario, parsed.options.warmUpMs, lateEvery, ramp ? (change.clientErrors ?? 0) : 0),
    samples: samples(scenario, ramp),
    pushes: ramp ? { ...NO_PUSHES, eds: 36 } : NO_PUSHES,
  });
  return makeReport(parsed.options, scenario, FLEET, {
    envoyVersion: '1.40.0',
    goodWithinMs: 500,
    slowedServer: 0,
    generatorLagP99Ms: change.lagMs ?? 3,
    lanes: { leastRequest: lane(5, false), loadline: lane(Number.POSITIVE_INFINITY, true) },
  });
}

function account(scenario: Scenario, warmUpMs: number, lateEvery: number, errors: number): LaneAccount {
  const made = new LaneAccount(scenario.phases, 500);
  for (const [index, arrival] of scenario.arrivals.entries()) {
    const failed = index >= scenario.arrivals.length - errors;
    const outcome = {
      lane: '',
      arrival,
      firstTokenMs: index % lateEvery === 1 ? 2000 : 50,
      endToEndMs: 3000,
      tokens: arrival.outputTokens,
      ...(failed ? { failure: { kind: 'StreamReset', detail: 'ECONNRESET' } as const } : {}),
    };
    made.record(outcome, arrival.atMs - warmUpMs);
  }
  return made;
}

function samples(scenario: Scenario, ramp: boolean): LaneSamples {
  const made = new LaneSamples();
  const issued = FLEET.map(() => 0);
  for (let tMs = -20_000; tMs < scenario.endMs; tMs += 500) {
    const slow = tMs >= scenario.slowAtMs && tMs < scenario.recoverAtMs;
    const shifted = ramp && slow ? Math.min(1, (tMs - scenario.slowAtMs) / (SHIFT_SEC * 1000)) : 0;
    const weights = FLEET.map((_, server) => (server === 0 ? 1000 - 500 * shifted : 1000));
    const sum = weights.reduce((all, each) => all + each, 0);
    for (const [server, weight] of weights.entries()) issued[server]! += weight / 100;
    made.add({
      tMs,
      weights,
      weightShares: weights.map((weight) => weight / sum),
      issuedTotals: [...issued],
      inFlight: FLEET.map(({ slots }) => slots / 2),
    });
  }
  return made;
}
