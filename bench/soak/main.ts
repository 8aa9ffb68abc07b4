/**
 * `npm run soak -- --minutes N`: the server in a process of its own under clients that come, change, NACK, stall and go. At
 * the end it says of each quantity whether it grows; a leak ends with exit code 1.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { end, track } from '../xds/children.ts';
import { monotonicMs, pause, within } from '../xds/clock.ts';
import type { ServerAnswer, Tally } from './messages.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import type { Sample } from './sample.ts';
import { type Tolerance, type Trend, trendOf } from './trend.ts';

const SAMPLE_MS = 5000;
const START_LIMIT_MS = 20_000;
const ANSWER_LIMIT_MS = 20_000;
const MINUTE_MS = 60_000;

type Quantity = { readonly name: string; readonly unit: string; readonly of: (sample: Sample) => number } & Tolerance;

/**
 * Counts follow the number of clients, which wanders by some of the fleet; memory also by what the collector leaves. RSS is
 * the high water of what was in flight, and fragments: after 27 of 30 minutes glibc's malloc_info said that 29 MiB of the 430
 * MiB of its heap were in use. What leaks, nghttp2's memory as well, is in heap and external, or in RSS without end.
 */
const QUANTITIES: readonly Quantity[] = [
  { name: 'RSS', unit: 'MiB', of: ({ rssMib }) => rssMib, ratio: 0.1, amount: 20 },
  { name: 'heap', unit: 'MiB', of: ({ heapMib }) => heapMib, ratio: 0.05, amount: 2 },
  { name: 'external', unit: 'MiB', of: ({ externalMib }) => externalMib, ratio: 0.1, amount: 2 },
  { name: 'open files', unit: '', of: ({ files }) => files, ratio: 0.1, amount: 20 },
  { name: 'sockets', unit: '', of: ({ sockets }) => sockets, ratio: 0.1, amount: 20 },
  { name: 'timers', unit: '', of: ({ timers }) => timers, ratio: 0.1, amount: 20 },
  { name: 'calls', unit: '', of: ({ calls }) => calls, ratio: 0.1, amount: 20 },
  { name: 'streams', unit: '', of: ({ streams }) => streams, ratio: 0.1, amount: 20 },
];

const args = process.argv.slice(2);
if (args.includes('--help')) process.stdout.write(USAGE);
else await soak(optionsOrExit());

async function soak(options: Options): Promise<void> {
  const server = start('server-process.ts', ['--seed', String(options.seed)]);
  const ready = await heard<ServerAnswer>(server, START_LIMIT_MS);
  if (ready.kind !== 'ready') throw new Error('the server said something before it was ready');
  const churn = ['--port', String(ready.port), '--streams', String(options.streams), '--seed', String(options.seed)];
  const client = start('client-process.ts', churn);
  const beganMs = monotonicMs();
  const atMs: number[] = [];
  const samples: Sample[] = [];
  let edits = 0;
  while (monotonicMs() - beganMs < options.minutes * MINUTE_MS) {
    await pause(Math.max(0, beganMs + (samples.length + 1) * SAMPLE_MS - monotonicMs()));
    const answer = await asked<ServerAnswer>(server);
    if (answer.kind !== 'sample') throw new Error(`the server answered '${answer.kind}' for a sample`);
    atMs.push(monotonicMs() - beganMs);
    samples.push(answer.sample);
    edits = answer.edits;
    if (samples.length % 12 === 0) note(answer.sample, atMs.at(-1) as number);
  }
  const tally = await asked<Tally>(client);
  await Promise.all([end(client), end(server)]);
  report(options, atMs, samples, tally, edits);
}

function report(
  options: Options,
  atMs: readonly number[],
  samples: readonly Sample[],
  tally: Tally,
  edits: number,
): void {
  const kinds = new Set(samples.flatMap(({ resources }) => Object.keys(resources)));
  const active = [...kinds].sort().map((kind) => ({
    name: kind,
    unit: 'active',
    of: ({ resources }: Sample) => resources[kind] ?? 0,
    ratio: 0.1,
    amount: 20,
  }));
  const trends = [...QUANTITIES, ...active].map(({ name, unit, of, ...tolerance }) =>
    trendOf({ name, unit, atMs, values: samples.map(of) }, tolerance),
  );
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
  if (options.json !== undefined)
    writeFileSync(options.json, JSON.stringify({ options, atMs, samples, trends, tally }));
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
  return track(fork(join(import.meta.dirname, script), args, { execArgv: ['--import', 'tsx', '--no-warnings'] }));
}

function asked<T>(child: ChildProcess): Promise<T> {
  const answer = heard<T>(child, ANSWER_LIMIT_MS);
  child.send('now');
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

function note({ rssMib, heapMib, sockets, streams }: Sample, atMs: number): void {
  process.stderr.write(
    `soak: minute ${Math.round(atMs / MINUTE_MS)}: RSS ${rssMib.toFixed(0)} MiB, heap ${heapMib.toFixed(1)} MiB, ` +
      `${sockets} sockets, ${streams} streams\n`,
  );
}

function optionsOrExit(): Options {
  try {
    return parseOptions(args);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}
