/**
 * `npm run bench`: what the server costs, as one table. Numbers of one run on one machine: compare rows of the same run,
 * not runs of different machines. With names it runs only these: `npm run bench -- tick scrape`.
 */
import { spawnSync } from 'node:child_process';
import { fanOut } from './fan-out.ts';
import { largePolicy } from './large-policy.ts';
import { prometheusQuery } from './prometheus-query.ts';
import { scrapeCost } from './scrape-cost.ts';
import { simulate } from './simulate.ts';
import { startUp } from './start-up.ts';
import { tickCost } from './tick-cost.ts';

export type Row = {
  readonly what: string;
  readonly value: string;
  readonly note: string;
  /** What the value is measured against, where something is promised. */
  readonly bar?: { readonly most: string; readonly met: boolean };
};

const BENCHES = {
  'fan-out': fanOut,
  tick: tickCost,
  scrape: scrapeCost,
  prometheus: prometheusQuery,
  simulate,
  'start-up': startUp,
  'large-policy': largePolicy,
};

const rows: Row[] = [];
const wanted = process.argv.slice(2);
for (const name of wanted)
  if (!Object.hasOwn(BENCHES, name)) throw new Error(`no bench is called ${name}: ${Object.keys(BENCHES).join(', ')}`);
for (const [name, bench] of Object.entries(BENCHES))
  if (wanted.length === 0 || wanted.includes(name)) rows.push(...(await bench()));

const node = process.versions.node;
const cpu = spawnSync('nproc', { encoding: 'utf8' }).stdout.trim();
// Tests hold the image and the systemd unit to the same.
const engine = process.execArgv.filter((flag) => flag.startsWith('--max-'));
process.stdout.write(`Loadline bench, Node ${[node, ...engine].join(' ')}, ${cpu} cores\n\n`);
const width = Math.max(...rows.map(({ what }) => what.length));
const valueWidth = Math.max(...rows.map(({ value }) => value.length));
for (const { what, value, note } of rows) {
  process.stdout.write(`${what.padEnd(width)}  ${value.padStart(valueWidth)}  ${note}\n`);
}

const barred = rows.flatMap(({ what, value, bar }) => (bar === undefined ? [] : [{ what, value, bar }]));
process.stdout.write('\n');
for (const { what, value, bar } of barred)
  process.stdout.write(`${bar.met ? 'PASS' : 'FAIL'}  ${what}: ${value}, at most ${bar.most}\n`);
if (barred.some(({ bar }) => !bar.met)) process.exitCode = 1;
