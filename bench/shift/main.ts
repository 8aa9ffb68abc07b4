/**
 * `npm run e2e:shift`: scenarios of the simulator on real Envoys and simulated model servers, with Loadline and with least request
 * alone, side by side and with the same requests. The last column is what virtual time said.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { table } from '../../src/cli/io.ts';
import { compare, meanOf, type Scenario, SUITE, shiftOf, shiftText, stepsOf } from '../../src/lab/simulate/index.ts';
import { BARS, type LiveBar } from './bars.ts';
import { type LivePair, runLive } from './live-run.ts';

const USAGE = `npm run e2e:shift -- [OPTIONS]: the law on real Envoys

  --quick             the scenarios of every day
  --short             50 s of each, for a look; bounds are meant for whole runs
  --scenario TEXT     those whose name has this text
  --seeds 1           runs of each
  --first-seed 1
  --json FILE         figures as JSON
`;
/** Later than this, what is measured is the machine. */
const MAX_LAG_MS = 100;

const SHORT = { durationMs: 50_000, warmUpMs: 20_000 };

type Result = { readonly bar: LiveBar; readonly scenario: Scenario; readonly pairs: readonly LivePair[] };

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    scenario: { type: 'string', default: '' },
    seeds: { type: 'string', default: '1' },
    'first-seed': { type: 'string', default: '1' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The second time somebody is in a hurry.
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort();
  });
}
if (values.help) process.stdout.write(USAGE);
else {
  try {
    await run();
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    process.stderr.write('e2e:shift was interrupted\n');
    process.exitCode = 130;
  }
}

async function run(): Promise<void> {
  const seeds = Array.from({ length: Number(values.seeds) }, (_, at) => Number(values['first-seed']) + at);
  const bars = BARS.filter(({ scenario, quick }) => scenario.includes(values.scenario) && (!values.quick || quick));
  if (bars.length === 0 || seeds.length === 0 || seeds.some((seed) => !Number.isInteger(seed))) {
    process.stderr.write(`nothing to run: --scenario '${values.scenario}', --seeds '${values.seeds}'\n\n${USAGE}`);
    process.exit(2);
  }
  const results: Result[] = [];
  for (const bar of bars) {
    const whole = SUITE.find(({ name }) => name === bar.scenario);
    if (whole === undefined) throw new Error(`no scenario is named ${bar.scenario}`);
    const scenario = values.short ? { ...whole, ...SHORT } : whole;
    const pairs: LivePair[] = [];
    for (const seed of seeds) {
      process.stderr.write(`e2e:shift: ${scenario.name}, seed ${seed}\n`);
      pairs.push(await runLive(scenario, seed, (line) => process.stderr.write(`  ${line}\n`), interrupt.signal));
    }
    results.push({ bar, scenario, pairs });
  }
  report(results, seeds);
}

function report(results: readonly Result[], seeds: readonly number[]): void {
  const head = [
    'scenario',
    'lane',
    'goodput',
    'TTFT p50',
    'TTFT p99',
    'E2E p99',
    'imbalance',
    'errors',
    'pushes/min',
    't50/t90 s',
    'beyond',
    'in virtual time',
  ];
  const rows = results.flatMap((result) => rowsOf(result, seeds));
  process.stdout.write(`Loadline on real Envoys, ${seeds.length} seeds\n\n${table(head, rows)}\n\n`);
  let failed = 0;
  for (const result of results) {
    const { ok, text } = verdictOf(result);
    if (!ok) failed += 1;
    process.stdout.write(`${ok ? 'PASS' : 'FAIL'}  ${text}\n`);
  }
  process.stdout.write(`\n${results.length - failed} passed, ${failed} failed\n`);
  if (failed > 0) process.exitCode = 1;
  if (values.json === undefined) return;
  const told = results.map(({ bar, pairs }) => ({ bar, pairs }));
  writeFileSync(values.json, `${JSON.stringify(told, null, 2)}\n`);
}

function rowsOf({ scenario, pairs }: Result, seeds: readonly number[]): readonly (readonly string[])[] {
  const virtual = compare(scenario, ['LeastRequest', 'Loadline'], seeds);
  return (['leastRequest', 'loadline'] as const).map((lane, at) => {
    const mean = meanOf(pairs.map(({ lanes }) => lanes[lane].outcome));
    const shifts = stepsOf(scenario).map((step) =>
      shiftOf(
        pairs.map(({ lanes }) => lanes[lane]),
        step,
      ),
    );
    const there = virtual.arms[at];
    return [
      at === 0 ? scenario.name : '',
      lane === 'leastRequest' ? 'least request' : 'Loadline',
      `${(100 * mean.goodput).toFixed(2)} %`,
      `${(mean.ttftP50Ms / 1000).toFixed(2)} s`,
      `${(mean.ttftP99Ms / 1000).toFixed(2)} s`,
      `${(mean.endToEndP99Ms / 1000).toFixed(1)} s`,
      mean.imbalance.toFixed(2),
      mean.errors.toFixed(0),
      lane === 'loadline' ? mean.pushesPerMin.toFixed(1) : '',
      shifts.map(shiftText).join(', '),
      shifts.map(({ beyondRatio }) => `${(100 * beyondRatio).toFixed(0)} %`).join(', '),
      there === undefined
        ? ''
        : `${(100 * there.mean.goodput).toFixed(2)} %  ${there.shifts.map(shiftText).join(', ')}`,
    ];
  });
}

function verdictOf({ bar, scenario, pairs }: Result): { readonly ok: boolean; readonly text: string } {
  const ours = meanOf(pairs.map(({ lanes }) => lanes.loadline.outcome));
  const theirs = meanOf(pairs.map(({ lanes }) => lanes.leastRequest.outcome));
  const [step] = stepsOf(scenario);
  const shift =
    step === undefined
      ? undefined
      : shiftOf(
          pairs.map(({ lanes }) => lanes.loadline),
          step,
        );
  const lagMs = Math.max(...pairs.map(({ lagP99Ms }) => lagP99Ms));
  const checks: [boolean, string][] = [];
  const atLeast = (what: string, value: number, bound?: number): void => {
    if (bound !== undefined) checks.push([value >= bound, `${what} ${value.toFixed(2)} (>= ${bound})`]);
  };
  const atMost = (what: string, value: number, bound?: number): void => {
    if (bound !== undefined) checks.push([value <= bound, `${what} ${value.toFixed(2)} (<= ${bound})`]);
  };
  atLeast('goodput', 100 * ours.goodput, bar.goodput);
  atLeast('gain', 100 * (ours.goodput - theirs.goodput), bar.gain);
  atMost('pushes/min', ours.pushesPerMin, bar.pushesPerMin);
  atMost('t50', (shift?.t50Ms ?? Number.POSITIVE_INFINITY) / 1000, bar.t50Sec);
  atMost('t90', (shift?.t90Ms ?? Number.POSITIVE_INFINITY) / 1000, bar.t90Sec);
  if (bar.errorRatio !== undefined)
    atMost('client errors, %', (100 * ours.errors) / ours.requests, 100 * bar.errorRatio);
  else if (bar.losesRequests !== true) atMost('client errors', ours.errors, 0);
  atMost('generator late, p99 ms', lagMs, MAX_LAG_MS);
  const failures = pairs.flatMap(({ lanes }) =>
    Object.entries(lanes.loadline.failures).map(([kind, times]) => `${times} x ${kind}`),
  );
  const told = failures.length === 0 ? '' : `; ${failures.join(', ')}`;
  return {
    ok: checks.every(([ok]) => ok),
    text: `${bar.scenario}: ${checks.map(([, text]) => text).join(', ')}${told}`,
  };
}
