import { writeFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import { type Io, table } from '../io.ts';
import type { Finish } from '../main.ts';

type Flags = {
  readonly scenario?: string;
  readonly random: number;
  readonly list?: boolean;
  readonly seeds: number;
  readonly firstSeed: number;
  readonly arm: readonly string[];
  readonly json?: string;
};

/** Of lab/simulate, which is loaded only when it runs. */
export const ARM_NAMES: readonly string[] = [
  'RoundRobin',
  'LeastRequest',
  'ClientSideWeightedRoundRobin',
  'Oracle',
  'Loadline',
];

export function addSimulate(program: Command, io: Io, finish: Finish): void {
  program
    .command('simulate')
    .description("run the control law in virtual time, beside Envoy's own balancing, on simulated model servers")
    .option('--scenario <TEXT>', 'only scenarios whose name has this text')
    .option('--random <N>', 'so many scenarios drawn at random instead of the suite', wholeNumber, 0)
    .option('--list', 'print the names of the scenarios')
    .option('--seeds <N>', 'runs of each scenario; each arm gets the same requests', atLeastOne, 5)
    .option('--first-seed <N>', 'the seed of the first run; the others follow', wholeNumber, 1)
    .addOption(new Option('--arm <NAME...>', 'who balances').choices(ARM_NAMES).default(['LeastRequest', 'Loadline']))
    .option('--json <FILE>', 'write the figures as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  loadline simulate --list\n  loadline simulate --scenario widths --seeds 20\n\n' +
        'Goodput is the share of requests that met both promises: time to first token, and time per token.',
    )
    .action(async ({ scenario: text = '', random, list, seeds, firstSeed, arm, json }: Flags) => {
      const { compare, comparisonTable, randomScenario, SUITE } = await import('../../lab/simulate/index.ts');
      const all = random === 0 ? SUITE : Array.from({ length: random }, (_, index) => randomScenario(index + 1));
      const scenarios = all.filter(({ name }) => name.includes(text));
      if (scenarios.length === 0)
        throw new LoadlineError('LOADLINE_LAB', `no scenario has '${text}' in its name; --list prints all names`);
      if (list === true) {
        for (const { name } of scenarios) io.out(`${name}\n`);
        return;
      }
      const drawn = Array.from({ length: seeds }, (_, index) => firstSeed + index);
      const beganMs = performance.now();
      const comparisons = scenarios.map((scenario) => {
        io.err(`simulate: ${scenario.name}\n`);
        return compare(scenario, arm as Parameters<typeof compare>[1], drawn);
      });
      const [head = [], ...rows] = comparisonTable(comparisons);
      io.out(`${table(head, rows)}\n`);
      const requests = comparisons.reduce(
        (sum, { arms }) => sum + arms.reduce((all, { mean }) => all + mean.requests, 0),
        0,
      );
      const tookSec = (performance.now() - beganMs) / 1000;
      io.err(`simulate: ${Math.round(requests * drawn.length)} requests in ${tookSec.toFixed(1)} s\n`);
      if (json !== undefined) writeFileSync(json, `${JSON.stringify(comparisons, null, 2)}\n`);
      finish(0);
    });
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('expected a whole number.');
  return value;
}

function atLeastOne(text: string): number {
  const value = wholeNumber(text);
  if (value < 1) throw new InvalidArgumentError('expected 1 or more.');
  return value;
}
