#!/usr/bin/env node
// An nvidia-smi for machines without a GPU: prints the columns that are asked for out of a real capture. What it should do
// otherwise stands in the JSON file that FAKE_NVIDIA_SMI names: { "set": { "utilization.gpu": "93 %" }, "hang": true,
// "fail": "NVIDIA-SMI has failed …", "cut": 40, "flood": true, "gpus": 4 }.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const plan = process.env.FAKE_NVIDIA_SMI ?? '';
const { set = {}, hang, fail, cut, flood, gpus, runs } = existsSync(plan) ? JSON.parse(readFileSync(plan, 'utf8')) : {};
if (runs !== undefined) appendFileSync(runs, `${process.pid}\n`);

if (hang) {
  process.on('SIGTERM', () => {});
  setInterval(() => {}, 1000);
} else if (fail !== undefined) {
  process.stdout.write(`${fail}\n`);
  process.exitCode = 9;
} else if (flood) {
  const flow = () => process.stdout.write('x'.repeat(65_536), flow);
  flow();
} else {
  const query = process.argv.find((arg) => arg.startsWith('--query-gpu='));
  if (query === undefined || !process.argv.includes('--format=csv')) {
    process.stderr.write(`Option not supported: ${process.argv.slice(2).join(' ')}\n`);
    process.exit(2);
  }
  const fields = query.slice('--query-gpu='.length).split(',');
  const capture = join(import.meta.dirname, '../edge/signals/fixtures/nvidia-smi-h200-load.csv');
  const [head, row] = readFileSync(capture, 'utf8')
    .split('\n')
    .map((line) => line.split(', '));
  const at = fields.map((field) => head.findIndex((column) => column.split(' ')[0] === field));
  const missing = fields.find((_, index) => at[index] === -1);
  if (missing !== undefined) {
    process.stdout.write(`Field "${missing}" is not a valid field to query.\n`);
    process.exit(2);
  }
  const rows = Array.from({ length: gpus ?? 1 }, (_, gpu) =>
    fields.map((field, index) => {
      if (field === 'uuid' && gpu > 0) return `GPU-00000000-0000-0000-0000-00000000000${gpu}`;
      return set[field] ?? row[at[index]];
    }),
  );
  const text = [at.map((index) => head[index]), ...rows].map((cells) => `${cells.join(', ')}\n`).join('');
  process.stdout.write(cut === undefined ? text : text.slice(0, -cut));
}
