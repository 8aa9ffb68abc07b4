/**
 * `npm run bench`: what the server costs, as one table. Numbers of one run on one machine: compare rows of the same run,
 * not runs of different machines.
 */
import { spawnSync } from 'node:child_process';
import { fanOut } from './fan-out.ts';
import { prometheusQuery } from './prometheus-query.ts';
import { scrapeCost } from './scrape-cost.ts';
import { startUp } from './start-up.ts';
import { tickCost } from './tick-cost.ts';

export type Row = { readonly what: string; readonly value: string; readonly note: string };

const rows: Row[] = [];
for (const bench of [fanOut, tickCost, scrapeCost, prometheusQuery, startUp]) rows.push(...(await bench()));

const node = process.versions.node;
const cpu = spawnSync('nproc', { encoding: 'utf8' }).stdout.trim();
process.stdout.write(`Loadline bench, Node ${node}, ${cpu} cores\n\n`);
const width = Math.max(...rows.map(({ what }) => what.length));
const valueWidth = Math.max(...rows.map(({ value }) => value.length));
for (const { what, value, note } of rows) {
  process.stdout.write(`${what.padEnd(width)}  ${value.padStart(valueWidth)}  ${note}\n`);
}
