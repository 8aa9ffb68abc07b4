import { writeFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import { aboveZero, atLeastOne, collected, counts, duration, positiveDuration, wholeNumber } from '../flag-values.ts';
import { type Io, type OutputFormat, printValue, table } from '../io.ts';
import type { Finish } from '../main.ts';
import { outputOption } from '../output-flag.ts';
import { type RehearseFlags, rehearse } from './rehearse.ts';

type Flags = RehearseFlags & {
  readonly scenario?: string;
  readonly random?: number;
  readonly randomSeed?: number;
  readonly list?: boolean;
};

/** Of lab/simulate, which is loaded only when it runs. */
export const ARM_NAMES: readonly string[] = [
  'RoundRobin',
  'LeastRequest',
  'ClientSideWeightedRoundRobin',
  'Oracle',
  'Loadline',
];

/** These choose among scenarios that are there; all that is in neither list goes with both. */
const OF_SCENARIOS = ['scenario', 'random', 'randomSeed', 'list'] as const;
const OF_POLICIES = [
  'service',
  'weights',
  'trace',
  'speed',
  'rate',
  'load',
  'burst',
  'profile',
  'endpoints',
  'sidecars',
  'workers',
  'crossZone',
  'duration',
  'warmUp',
  'ttft',
  'tpot',
  'fault',
  'autoscaler',
  'timeline',
] as const;

export function addSimulate(program: Command, io: Io, finish: Finish): void {
  program
    .command('simulate')
    .description('rehearse a policy in virtual time, beside what Envoy can do alone, on simulated model servers')
    .option('-f, --file <PATH...>', 'policy files or folders: rehearse one of their services')
    .option('--service <NAME>', 'of the policy; needed when it has several')
    .addOption(
      new Option('--weights <MODE>', "instead of the policy's own mode").choices(['Active', 'Shadow', 'Disabled']),
    )
    .option('--trace <FILE>', 'recorded requests: CSV of the Azure LLM traces, or JSON lines of Mooncake')
    .option('--speed <FACTOR>', 'replay the trace so much faster', aboveZero)
    .option('--rate <RPS>', 'requests per second of all sidecars, instead of those of the trace', aboveZero)
    .option(
      '--load <RATIO>',
      'the same as a part of what the fleet can do (0.7 where neither trace nor rate is given)',
      aboveZero,
    )
    .option('--burst <SHAPE>', 'more requests now and then, without a trace: factor=2.5 every=40s for=8s')
    .option(
      '--profile <FILE>',
      'how the servers behave: the file of `loadline modelserver`, in the order of the endpoints',
    )
    .option('--endpoints <POOL=N>', 'how many endpoints a pool has that does not list them; may be given again', counts)
    .option('--sidecars <N>', 'how many Envoys (16)', atLeastOne)
    .option('--workers <N>', 'worker threads of each Envoy (1)', atLeastOne)
    .option(
      '--cross-zone <TIME>',
      'one way between two zones of the policy; sidecars are spread evenly over them',
      positiveDuration,
    )
    .option(
      '--duration <TIME>',
      'of each run (the length of the trace, or 5m); shorter than the trace: each seed takes another part',
      positiveDuration,
    )
    .option(
      '--warm-up <TIME>',
      'requests that come earlier are not counted (30s, at most a fifth of the run)',
      duration,
    )
    .option('--ttft <TIME>', 'promised time to first token (500ms)', positiveDuration)
    .option('--tpot <TIME>', 'promised time per token after the first (200ms)', positiveDuration)
    .option('--fault <WORDS>', 'what goes wrong, as below; may be given again', collected)
    .option('--autoscaler <SHAPE>', 'endpoints come and go with the load: least=4 every=15s target=0.6 cold=20s')
    .option('--timeline <FILE>', "write each second of the first seed's runs as CSV")
    .option('--scenario <TEXT>', 'instead of a policy: scenarios of the suite whose name has this text')
    .option('--random <N>', 'instead of a policy: so many scenarios drawn at random', atLeastOne)
    .option('--random-seed <K>', 'instead of a policy: the scenario that is drawn as number K', wholeNumber)
    .option('--list', 'print the names of the scenarios')
    .option('--seeds <N>', 'runs of each scenario; each arm gets the same requests', atLeastOne, 5)
    .option('--first-seed <N>', 'the seed of the first run; the others follow', wholeNumber, 1)
    .addOption(new Option('--arm <NAME...>', 'who balances').choices(ARM_NAMES).default(['LeastRequest', 'Loadline']))
    .option('--json <FILE>', 'write all figures as JSON')
    .addOption(outputOption())
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  loadline simulate -f docs/examples/two-generations.yaml --trace data/azure-llm-2023-conv-slice.csv --load 0.8\n' +
        "  loadline simulate -f docs/examples/lab.yaml --load 0.8 --fault 't=60s server=3 speed=0.5 until=120s'\n" +
        '  loadline simulate --scenario widths --seeds 20\n' +
        '  loadline simulate --random-seed 24\n\n' +
        'A fault has t, mostly until, one of server=N (from 0), server=ADDRESS:PORT and pool=NAME, and one of speed=0.5,\n' +
        'foreignLoad=0.5, failRatio=0.7, crash, freeze, coldStart=18s, staleMetrics, clock=0.7 and absent (with cold=18s when it\n' +
        'comes back); or sidecar=N with t and until.\n\n' +
        'Goodput is the share of requests that met both promises: time to first token, and time per token.',
    )
    .action(async (flags: Flags) => {
      if (flags.file === undefined) {
        refuseFlags(flags, OF_POLICIES, 'needs a policy: expected -f as well');
        await runScenarios(io, flags);
      } else {
        refuseFlags(flags, OF_SCENARIOS, 'is about scenarios that are there: expected it without -f');
        await rehearse(io, flags.file, flags);
      }
      finish(0);
    });
}

function refuseFlags(flags: Flags, names: readonly (keyof Flags)[], why: string): void {
  const given = names.find((name) => flags[name] !== undefined);
  if (given === undefined) return;
  const flag = given.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new LoadlineError('LOADLINE_CONFIG', `--${flag} ${why}`);
}

async function runScenarios(io: Io, flags: Flags): Promise<void> {
  const { scenario: text = '', random, randomSeed, list, seeds, firstSeed, arm, json, output } = flags;
  const { compare, comparisonTable, randomScenario, SUITE } = await import('../../lab/simulate/index.ts');
  const all =
    randomSeed !== undefined
      ? [randomScenario(randomSeed)]
      : random === undefined
        ? SUITE
        : Array.from({ length: random }, (_, index) => randomScenario(index + 1));
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
    return compare(scenario, arm, drawn);
  });
  if (output === 'table') {
    const [head = [], ...rows] = comparisonTable(comparisons);
    io.out(`${table(head, rows)}\n`);
  } else printValue(io, output as Exclude<OutputFormat, 'table'>, comparisons);
  const requests = comparisons.reduce(
    (sum, { arms }) => sum + arms.reduce((all, { mean }) => all + mean.requests, 0),
    0,
  );
  const tookSec = (performance.now() - beganMs) / 1000;
  io.err(`simulate: ${Math.round(requests * drawn.length)} requests in ${tookSec.toFixed(1)} s\n`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(comparisons, null, 2)}\n`);
}
