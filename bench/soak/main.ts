/**
 * `npm run soak -- --minutes N`: the server in a process of its own under clients that come, change, NACK, stall and go. At
 * the end it says of each quantity whether it grows; a leak ends with exit code 1.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { beside } from '../beside.ts';
import { end, track } from '../xds/children.ts';
import { monotonicMs, pause, within } from '../xds/clock.ts';
import type { ServerAnswer, ServerCommand, Tally } from './messages.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { type Run, trendsOf } from './quantities.ts';
import type { Alive, Sample } from './sample.ts';
import { type Trend, WARM_UP_RATIO } from './trend.ts';

const SAMPLE_MS = 5000;
const START_LIMIT_MS = 20_000;
const ANSWER_LIMIT_MS = 20_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const SAMPLES_PER_NOTE = 12;

const args = process.argv.slice(2);
if (args.includes('--help')) process.stdout.write(USAGE);
else await soak(optionsOrExit());

async function soak(options: Options): Promise<void> {
  const server = start('server-process', ['--seed', String(options.seed)]);
  const { port } = ofKind('ready', await heard<ServerAnswer>(server, START_LIMIT_MS));
  const churn = ['--port', String(port), '--streams', String(options.streams), '--seed', String(options.seed)];
  const client = start('client-process', churn);
  const count = Math.round((options.minutes * MINUTE_MS) / SAMPLE_MS);
  const beganMs = monotonicMs();
  const atMs: number[] = [];
  const samples: Sample[] = [];
  let aliveBefore: { readonly alive: Alive; readonly atMs: number } | undefined;
  let edits = 0;
  while (samples.length < count) {
    await pause(Math.max(0, beganMs + (samples.length + 1) * SAMPLE_MS - monotonicMs()));
    const answer = ofKind('sample', await asked<ServerAnswer>(server, 'sample'));
    atMs.push(monotonicMs() - beganMs);
    samples.push(answer.sample);
    edits = answer.edits;
    if (samples.length % SAMPLES_PER_NOTE === 0) note(answer.sample, samples.length / SAMPLES_PER_NOTE);
    // The last thing of the warm-up: the look itself leaves its mark on RSS.
    if (samples.length === Math.floor(count * WARM_UP_RATIO) - 1) aliveBefore = await look(server);
  }
  const aliveAfter = await look(server);
  const tally = await asked<Tally>(client, 'tally');
  await Promise.all([end(client), end(server)]);
  if (aliveBefore === undefined) throw new Error('the run was too short for a warm-up');
  const hoursBetween = (aliveAfter.atMs - aliveBefore.atMs) / HOUR_MS;
  report(
    options,
    { atMs, samples, aliveBefore: aliveBefore.alive, aliveAfter: aliveAfter.alive, hoursBetween },
    tally,
    edits,
  );
}

function report(options: Options, run: Run, tally: Tally, edits: number): void {
  const trends = trendsOf(run);
  const { connects, responses, nacks, stalls, calls, ended } = tally;
  const out = [
    `${options.minutes} minutes, ${options.streams} clients, seed ${options.seed}, Node ${process.versions.node}: ${edits} edits, ` +
      `${connects} connects, ${responses} responses, ${nacks} NACKs, ${stalls} stalls, ${calls} other calls`,
    ...Object.entries(ended).map(([reason, count]) => `ended by the server ${count} times: ${reason}`),
    '',
    'verdict  quantity                          mean       per hour          error    growth   allowed',
    ...trends.map(line),
  ];
  process.stdout.write(`${out.join('\n')}\n`);
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify({ options, ...run, trends, tally }));
  if (responses === 0) throw new Error('no client has ever got a response');
  if (trends.some(({ verdict }) => verdict === 'LEAK')) process.exitCode = 1;
}

function line({ name, unit, mean, perHour, perHourError, growth, allowed, verdict }: Trend): string {
  const figures = [mean, perHour, perHourError, growth, allowed].map((value) => value.toFixed(1));
  const [average, slope, error, grown, most] = figures as [string, string, string, string, string];
  return (
    `${verdict.padEnd(8)} ${`${name}${unit === '' ? '' : `, ${unit}`}`.padEnd(26)}${average.padStart(12)}` +
    `${slope.padStart(15)}${`±${error}`.padStart(15)}${grown.padStart(10)}${most.padStart(10)}`
  );
}

function start(script: string, args: readonly string[]): ChildProcess {
  return track(fork(beside(import.meta, script), args, { execArgv: ['--expose-gc', '--no-warnings'] }));
}

async function look(server: ChildProcess): Promise<{ readonly alive: Alive; readonly atMs: number }> {
  const { alive } = ofKind('alive', await asked<ServerAnswer>(server, 'alive'));
  return { alive, atMs: monotonicMs() };
}

function asked<T>(child: ChildProcess, command: ServerCommand | 'tally'): Promise<T> {
  const answer = heard<T>(child, ANSWER_LIMIT_MS);
  child.send(command);
  return answer;
}

async function heard<T>(child: ChildProcess, limitMs: number): Promise<T> {
  const over = new AbortController();
  const { signal } = over;
  const message = once(child, 'message', { signal }).then(([said]) => said as T);
  const gone = once(child, 'exit', { signal }).then(([code]) => Promise.reject(new Error(`a process ended: ${code}`)));
  try {
    return await within(limitMs, `message of process ${child.pid}`, Promise.race([message, gone]));
  } finally {
    gone.catch(() => undefined);
    message.catch(() => undefined);
    over.abort();
  }
}

function ofKind<K extends ServerAnswer['kind']>(kind: K, answer: ServerAnswer): Extract<ServerAnswer, { kind: K }> {
  if (answer.kind !== kind) throw new Error(`the server said '${answer.kind}' in place of '${kind}'`);
  return answer as Extract<ServerAnswer, { kind: K }>;
}

function note({ rssMib, heapMib, files }: Sample, minute: number): void {
  const memory = `RSS ${rssMib.toFixed(0)} MiB, heap ${heapMib.toFixed(1)} MiB`;
  process.stderr.write(`soak: minute ${minute}: ${memory}, ${files} files\n`);
}

function optionsOrExit(): Options {
  try {
    return parseOptions(args);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}
