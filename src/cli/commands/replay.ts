import type { Command } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import type { OtherPolicy, ReplayReport, ServiceComparison } from '../../core/control/index.ts';
import { type Io, type OutputFormat, printError, printValue, table } from '../io.ts';
import type { Finish } from '../main.ts';
import { outputOption } from '../output-flag.ts';

type Flags = { readonly policy?: string; readonly output: OutputFormat };

/** As `diff`: 2 is trouble. */
const FAILED = 2;

export function addReplay(program: Command, io: Io, finish: Finish): void {
  program
    .command('replay')
    .description("run a recording of `loadline serve --record` through today's control law, and compare")
    .argument('<FILE>', 'the recording')
    .option('--policy <PATH>', 'policy file or folder that stands in for the recorded one')
    .addOption(outputOption())
    .addHelpText(
      'after',
      '\nExamples:\n  loadline replay day.jsonl\n  loadline replay day.jsonl --policy chat.yaml\n\n' +
        'Exit code 0 when the replay comes to the recorded weights, 1 when it differs, 2 when it failed. With --policy the\n' +
        'difference is what one asks for: 0.\n\n' +
        'The recorded load is what the recorded weights brought. The replay says what would have been decided on it, not\n' +
        'how the load would have answered.',
    )
    .action(async (file: string, { policy, output }: Flags) => {
      try {
        const other = policy === undefined ? undefined : await otherPolicy(policy);
        const report = await replay(file, other);
        if (output === 'table') io.out(replayText(report, policy));
        else printValue(io, output, { file, policy: policy ?? null, ...report });
        const same = report.services.every(({ ticksThatDiffer }) => ticksThatDiffer === 0);
        finish(same || policy !== undefined ? 0 : 1);
      } catch (error) {
        if (!(error instanceof LoadlineError)) throw error;
        printError(io, error);
        finish(FAILED);
      }
    });
}

async function otherPolicy(path: string): Promise<OtherPolicy> {
  const [{ readPolicyFiles }, { formatIssue, loadPolicy }, { staticEndpointSets }] = await Promise.all([
    import('../../edge/store/index.ts'),
    import('../../core/policy/index.ts'),
    import('../../edge/discovery/index.ts'),
  ]);
  const read = readPolicyFiles(path);
  if (!read.ok) throw new LoadlineError('LOADLINE_POLICY_UNUSABLE', read.reason);
  const result = loadPolicy(read.files);
  if (!result.ok) throw new LoadlineError('LOADLINE_POLICY_UNUSABLE', result.issues.map(formatIssue).join('\n'));
  return { policy: result.value, endpointSets: staticEndpointSets(result.value) };
}

/** @throws LoadlineError LOADLINE_RECORDING with file, line and what was expected there */
async function replay(file: string, other: OtherPolicy | undefined): Promise<ReplayReport> {
  const [{ Replay, readLine }, { readLines }] = await Promise.all([
    import('../../core/control/index.ts'),
    import('../../edge/store/index.ts'),
  ]);
  const refuse = (line: number, reason: string): LoadlineError =>
    new LoadlineError('LOADLINE_RECORDING', `${file}:${line}: ${reason}`);
  const run = new Replay(other);
  let count = 0;
  let broken: string | undefined;
  for await (const text of readLines(file)) {
    // Only the last line may be cut off: the server ended while it wrote.
    if (broken !== undefined) throw refuse(count, broken);
    count += 1;
    const read = readLine(text);
    if (!read.ok) {
      if (!read.broken) throw refuse(count, read.reason);
      broken = read.reason;
      continue;
    }
    const wrong = run.take(read.line, count);
    if (wrong !== undefined) throw refuse(count, wrong);
  }
  const report = run.report();
  if (report.ticks === 0) throw refuse(Math.max(1, count), broken ?? 'expected a Tick; there is none in this file');
  const cut = broken === undefined ? [] : [`the last line (${count}) was cut off and is left out`];
  return { ...report, notes: [...report.notes, ...cut] };
}

export function replayText(report: ReplayReport, policy: string | undefined): string {
  const seconds = ((report.endMs ?? 0) - (report.startMs ?? 0)) / 1000;
  const from = new Date(report.startMs ?? 0).toISOString();
  const lines = [
    `${report.ticks} ticks over ${seconds.toFixed(0)} s from ${from}, ${policy === undefined ? 'under the recorded policy' : `under ${policy}`}`,
    ...(report.lostTicks === 0 ? [] : [`${report.lostTicks} ticks are missing: the recorder fell behind the disk`]),
    ...report.notes,
    '',
    table(
      ['SERVICE', 'TICKS', 'PUSHES', 'REPLAYED', 'DIFFERENT', 'MEAN |D|', 'MAX |D|'],
      report.services.map((one) => [
        one.service,
        one.ticks,
        one.pushesRecorded,
        one.pushesReplayed,
        one.ticksThatDiffer,
        one.meanDifference.toFixed(1),
        one.maxDifference,
      ]),
    ),
    '',
    ...report.services.map((one) => verdict(one)),
    ...(policy === undefined
      ? []
      : ['Another policy was asked for, so a difference is an answer and no failure. The load is the recorded one.']),
  ];
  return `${lines.join('\n')}\n`;
}

function verdict({ service, firstDifference: first, ticksThatDiffer, ticks }: ServiceComparison): string {
  if (first === null) return `${service}: the replay comes to the recorded weights in every tick`;
  const of = first.weights === 'Sent' ? 'weight' : 'computed weight';
  return (
    `${service}: differs in ${ticksThatDiffer} of ${ticks} ticks, first in tick ${first.tick} (line ${first.line}, ` +
    `${new Date(first.atMs).toISOString()}): ${of} of ${first.endpoint} was ${words(first.recorded)}, now ${words(first.replayed)}`
  );
}

function words(weight: number | 'Draining' | null): string {
  return weight === null ? 'absent' : weight === 'Draining' ? 'draining' : String(weight);
}
