import type { Outcome } from './measures.ts';
import { type Paired, pairedOf } from './paired.ts';
import { runScenario } from './run-scenario.ts';
import type { Arm, Scenario } from './scenario.ts';

/** Means over the seeds of one arm. */
export type ArmSummary = { readonly arm: Arm; readonly mean: Outcome };

export type Comparison = {
  readonly scenario: string;
  readonly seeds: number;
  /** In the order asked for. */
  readonly arms: readonly ArmSummary[];
  /** Goodput of Loadline minus that of the arm, in points, on the same requests. */
  readonly gain: Readonly<Partial<Record<Arm, Paired>>>;
};

/** Runs each arm on the same requests, seed by seed. */
export function compare(scenario: Scenario, arms: readonly Arm[], seeds: readonly number[]): Comparison {
  const outcomes = new Map(arms.map((arm) => [arm, seeds.map((seed) => runScenario(scenario, arm, seed))]));
  const ours = outcomes.get('Loadline');
  const gain: Partial<Record<Arm, Paired>> = {};
  for (const [arm, theirs] of outcomes) {
    if (ours === undefined || arm === 'Loadline') continue;
    gain[arm] = pairedOf(ours.map(({ goodput }, at) => 100 * (goodput - (theirs[at] as Outcome).goodput)));
  }
  return {
    scenario: scenario.name,
    seeds: seeds.length,
    arms: [...outcomes].map(([arm, list]) => ({ arm, mean: meanOf(list) })),
    gain,
  };
}

function meanOf(outcomes: readonly Outcome[]): Outcome {
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
