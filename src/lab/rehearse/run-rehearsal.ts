import {
  type Arm,
  meanOf,
  type Outcome,
  type Paired,
  pairedOf,
  type Run,
  recordScenario,
  shiftOf,
  stepsOf,
} from '../simulate/index.ts';
import { nameOf } from './fault-events.ts';
import type { Rehearsal } from './plan-rehearsal.ts';
import type { ArmReport, Difference, RehearsalReport, ShareReport } from './rehearsal-report.ts';
import { type Verdict, verdictOn } from './verdict.ts';

/** The runs of each arm in the order of the seeds, and what they come to. */
export type Rehearsed = {
  readonly report: RehearsalReport;
  readonly runs: ReadonlyMap<Arm, readonly Run[]>;
};

export function runRehearsal(
  rehearsal: Rehearsal,
  options: {
    readonly arms: readonly Arm[];
    readonly seeds: readonly number[];
    readonly onRun?: (arm: Arm, seed: number) => void;
  },
): Rehearsed {
  const { scenario, service, placed, traffic, fullRates, faults, notes } = rehearsal;
  const { arms, seeds, onRun } = options;
  const runs = new Map<Arm, Run[]>(arms.map((arm) => [arm, []]));
  for (const seed of seeds) {
    for (const arm of arms) {
      onRun?.(arm, seed);
      runs.get(arm)?.push(recordScenario(scenario, arm, seed));
    }
  }
  const names = placed.endpoints.map(nameOf);
  const steps = stepsOf(scenario);
  const reports = [...runs].map(([arm, list]): ArmReport => {
    const endpoints = sharesOf(list, names);
    return {
      arm,
      mean: meanOf(list.map(({ outcome }) => outcome)),
      runs: list.map(({ outcome }) => outcome),
      pools: sharesOf(
        list,
        placed.endpoints.map(({ pool }) => pool),
      ),
      endpoints,
      shifts: steps.map((step) => shiftOf(list, step)),
    };
  });
  const { differences, verdicts } = compared(reports);
  const { durationMs, warmUpMs, slo, sidecars, workers, governance } = scenario;
  const { type, weights, blendRatio } = service.loadBalancer;
  const report: RehearsalReport = {
    service: service.name,
    revision: governance?.policy.revision ?? '',
    loadBalancer: { type, weights, blendRatio },
    traffic,
    sidecars,
    workers,
    durationMs,
    warmUpMs,
    slo,
    seeds,
    servers: placed.profiles.map(({ name: profile, slots, speed }, at) => ({
      name: names[at] as string,
      profile,
      slots,
      speed,
      fullRatePerSec: fullRates[at] as number,
    })),
    faults,
    steps: steps.map(({ server, ...step }) => ({ endpoint: names[server] as string, ...step })),
    arms: reports,
    differences,
    verdicts,
    notes,
  };
  return { report, runs };
}

/** Over all runs together, of the servers that have the same name. */
function sharesOf(runs: readonly Run[], names: readonly string[]): readonly ShareReport[] {
  const sums = new Map(names.map((name) => [name, { requests: 0, good: 0, errors: 0 }]));
  let all = 0;
  for (const { servers } of runs) {
    servers.forEach(({ requests, good, errors }, at) => {
      const sum = sums.get(names[at] as string);
      if (sum === undefined) return;
      sum.requests += requests;
      sum.good += good;
      sum.errors += errors;
      all += requests;
    });
  }
  return [...sums].map(([name, { requests, good, errors }]) => ({
    name,
    share: all === 0 ? 0 : requests / all,
    goodput: requests === 0 ? 1 : good / requests,
    errors: errors / runs.length,
  }));
}

function compared(reports: readonly ArmReport[]): {
  readonly differences: readonly Difference[];
  readonly verdicts: readonly Verdict[];
} {
  const ours = reports.find(({ arm }) => arm === 'Loadline');
  if (ours === undefined) return { differences: [], verdicts: [] };
  const others = reports.filter((one) => one !== ours);
  const differences = others.map((theirs) => differenceOf(ours, theirs));
  const verdicts = others.map((theirs, at) =>
    verdictOn(theirs.arm, (differences[at] as Difference).goodput, ours, theirs),
  );
  return { differences, verdicts };
}

function differenceOf(ours: ArmReport, theirs: ArmReport): Difference {
  const paired = (of: (outcome: Outcome) => number): Paired =>
    pairedOf(ours.runs.map((run, at) => of(run) - of(theirs.runs[at] as Outcome)));
  const finite = (of: (outcome: Outcome) => number): Paired | undefined =>
    [...ours.runs, ...theirs.runs].every((run) => Number.isFinite(of(run))) ? paired(of) : undefined;
  return {
    than: theirs.arm,
    goodput: paired(({ goodput }) => 100 * goodput),
    ttftP99Ms: finite(({ ttftP99Ms }) => ttftP99Ms),
    endToEndP99Ms: finite(({ endToEndP99Ms }) => endToEndP99Ms),
    errors: paired(({ errors }) => errors),
    imbalance: paired(({ imbalance }) => imbalance),
  };
}
