import type { Outcome, Run } from './measures.ts';
import { type Paired, pairedOf } from './paired.ts';
import { recordScenario } from './run-scenario.ts';
import type { Arm, Scenario } from './scenario.ts';
import { type Shift, type Step, shiftOf, stepsOf } from './shift.ts';

/** Means over the seeds of one arm, and how it followed each step of the scenario. */
export type ArmSummary = { readonly arm: Arm; readonly mean: Outcome; readonly shifts: readonly Shift[] };

export type Comparison = {
  readonly scenario: string;
  readonly seeds: number;
  readonly steps: readonly Step[];
  /** In the order asked for. */
  readonly arms: readonly ArmSummary[];
  /** Goodput of Loadline minus that of the arm, in points, on the same requests. */
  readonly gain: Readonly<Partial<Record<Arm, Paired>>>;
};

/** Runs each arm on the same requests, seed by seed. */
export function compare(scenario: Scenario, arms: readonly Arm[], seeds: readonly number[]): Comparison {
  const runs = new Map(arms.map((arm) => [arm, seeds.map((seed) => recordScenario(scenario, arm, seed))]));
  const steps = stepsOf(scenario);
  const ours = runs.get('Loadline');
  const gain: Partial<Record<Arm, Paired>> = {};
  for (const [arm, theirs] of runs) {
    if (ours === undefined || arm === 'Loadline') continue;
    gain[arm] = pairedOf(ours.map(({ outcome }, at) => 100 * (outcome.goodput - (theirs[at] as Run).outcome.goodput)));
  }
  return {
    scenario: scenario.name,
    seeds: seeds.length,
    steps,
    arms: [...runs].map(([arm, list]) => ({
      arm,
      mean: meanOf(list.map(({ outcome }) => outcome)),
      shifts: steps.map((step) => shiftOf(list, step)),
    })),
    gain,
  };
}

export function meanOf(outcomes: readonly Outcome[]): Outcome {
  const of = (key: keyof Outcome): number => outcomes.reduce((sum, one) => sum + one[key], 0) / outcomes.length;
  return {
    requests: of('requests'),
    goodput: of('goodput'),
    errors: of('errors'),
    ttftP50Ms: of('ttftP50Ms'),
    ttftP99Ms: of('ttftP99Ms'),
    endToEndP99Ms: of('endToEndP99Ms'),
    imbalance: of('imbalance'),
    pushesPerMin: of('pushesPerMin'),
  };
}
