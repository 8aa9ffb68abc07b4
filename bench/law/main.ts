/**
 * `npm run sim:law`: the control law in virtual time, beside everything that Envoy can do alone, against what is expected of it.
 * Each arm gets the same requests, seed by seed.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { table } from '../../src/cli/io.ts';
import {
  ARMS,
  type Comparison,
  compare,
  comparisonTable,
  randomScenario,
  runScenario,
  SUITE,
} from '../../src/lab/simulate/index.ts';
import { judgeLoss, judgePushes, judgeRow, meanGoodput, type Verdict } from './judge.ts';
import { ROWS, SAME } from './rows.ts';

const USAGE = `npm run sim:law -- [OPTIONS]: the control law against what is expected of it

  --seeds 20          runs of each scenario
  --first-seed 21001  the others follow
  --random 120        scenarios drawn at random, beside the suite
  --random-seeds 6    runs of each of those
  --json FILE         figures as JSON
`;
/** Mean goodput over the scenarios drawn at random, in percent, and what none of them may lose significantly, in points. */
const RANDOM_GOODPUT = 95.5;
const RANDOM_MAY_LOSE = 0.3;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    'first-seed': { type: 'string', default: '21001' },
    random: { type: 'string', default: '120' },
    'random-seeds': { type: 'string', default: '6' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(USAGE);
else run();

function run(): void {
  const firstSeed = count('first-seed');
  const seeds = Array.from({ length: count('seeds') }, (_, at) => firstSeed + at);
  const suite = SUITE.map((scenario) => {
    process.stderr.write(`sim:law: ${scenario.name}\n`);
    return compare(scenario, ARMS, seeds);
  });
  const [head = [], ...rows] = comparisonTable(suite);
  process.stdout.write(
    `Loadline's law in virtual time, ${seeds.length} seeds from ${firstSeed}\n\n${table(head, rows)}\n\n`,
  );
  const verdicts = [...judged(suite), ...SAME.map((pair) => same(pair, firstSeed))];
  tellMeans('the suite', suite);
  const drawn = Array.from({ length: count('random') }, (_, at) => {
    const scenario = randomScenario(at + 1);
    process.stderr.write(`sim:law: ${scenario.name}\n`);
    return compare(scenario, ['LeastRequest', 'Loadline'], seeds.slice(0, count('random-seeds')));
  });
  if (drawn.length > 0) verdicts.push(...judgeDrawn(drawn));
  process.stdout.write('\n');
  for (const { ok, text } of verdicts) process.stdout.write(`${ok ? 'PASS' : 'FAIL'}  ${text}\n`);
  const failed = verdicts.filter(({ ok }) => !ok).length;
  process.stdout.write(`\n${verdicts.length - failed} passed, ${failed} failed\n`);
  if (failed > 0) process.exitCode = 1;
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ suite, drawn, verdicts }, null, 2)}\n`);
}

function judged(suite: readonly Comparison[]): readonly Verdict[] {
  const of = (name: string): Comparison => {
    const found = suite.find(({ scenario }) => scenario === name);
    if (found === undefined) throw new Error(`no scenario is named ${name}`);
    return found;
  };
  return [
    ...ROWS.map((row) => judgeRow(row, of(row.scenario))),
    ...suite.map((one) => judgeLoss(one)),
    judgePushes(suite),
  ];
}

function judgeDrawn(drawn: readonly Comparison[]): readonly Verdict[] {
  tellMeans(`${drawn.length} scenarios drawn at random`, drawn);
  const worst = [...drawn].sort((a, b) => gainOf(a).mean - gainOf(b).mean).slice(0, 10);
  process.stdout.write('Where Loadline does worst among those drawn:\n');
  for (const one of worst)
    process.stdout.write(
      `  ${gainOf(one).mean.toFixed(2)} ±${gainOf(one).halfWidth?.toFixed(2) ?? '?'}  ${one.scenario}\n`,
    );
  const ours = meanGoodput(drawn).get('Loadline') ?? 0;
  const lost = drawn.filter(
    (one) => gainOf(one).mean + (gainOf(one).halfWidth ?? Number.POSITIVE_INFINITY) < -RANDOM_MAY_LOSE,
  );
  return [
    { ok: ours >= RANDOM_GOODPUT, text: `drawn at random: mean goodput ${ours.toFixed(2)} (>= ${RANDOM_GOODPUT})` },
    {
      ok: lost.length === 0,
      text: `drawn at random: ${lost.length} significantly worse than least request by more than ${RANDOM_MAY_LOSE} points${lost.map(({ scenario }) => `; ${scenario}`).join('')}`,
    },
  ];
}

function gainOf({ gain, scenario }: Comparison): NonNullable<Comparison['gain']['LeastRequest']> {
  if (gain.LeastRequest === undefined) throw new Error(`${scenario} ran without least request`);
  return gain.LeastRequest;
}

function same([one, other]: readonly [string, string], seed: number): Verdict {
  const [a, b] = [one, other].map((name) => {
    const scenario = SUITE.find((candidate) => candidate.name === name);
    if (scenario === undefined) throw new Error(`no scenario is named ${name}`);
    return JSON.stringify(runScenario(scenario, 'Loadline', seed));
  });
  return { ok: a === b, text: `${other}: the same as ${one}` };
}

function tellMeans(what: string, comparisons: readonly Comparison[]): void {
  const means = [...meanGoodput(comparisons)].map(([arm, mean]) => `${arm} ${mean.toFixed(2)}`);
  process.stdout.write(`Mean goodput over ${what}, in percent: ${means.join(', ')}\n`);
}

function count(option: 'seeds' | 'first-seed' | 'random' | 'random-seeds'): number {
  const value = Number(values[option]);
  if (Number.isInteger(value) && value >= 0) return value;
  process.stderr.write(`--${option}: '${values[option]}' is not a whole number\n\n${USAGE}`);
  process.exit(2);
}
