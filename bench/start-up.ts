import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './beside.ts';
import type { Row } from './main.ts';
import { median } from './median.ts';

const ROUNDS = 3;

/** From the start of the process to a ready server, and its memory at rest, with the lab policy and no sidecar. */
export async function startUp(): Promise<readonly Row[]> {
  const ready: number[] = [];
  const rss: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const data = mkdtempSync(join(tmpdir(), 'loadline-bench-'));
    const began = performance.now();
    const child = spawn(
      process.execPath,
      [
        join(ROOT, 'bin/loadline.js'),
        'serve',
        '--dev',
        '--policies',
        join(ROOT, 'docs/examples/lab.yaml'),
        '--data',
        data,
        '--xds',
        '127.0.0.1:0',
        '--admin',
        '127.0.0.1:0',
        '--http',
        '127.0.0.1:0',
      ],
      { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, FORCE_COLOR: '0' } },
    );
    let text = '';
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk;
        if (text.includes('"loadline is ready"')) resolve();
      });
      child.once('exit', (code) => reject(new Error(`serve ended with ${code}: ${text}`)));
    });
    ready.push(performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    rss.push(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
    child.removeAllListeners('exit');
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await gone;
    rmSync(data, { recursive: true, force: true });
  }
  return [
    { what: 'start to ready', value: `${median(ready).toFixed(0)} ms`, note: `wall, median of ${ROUNDS}, lab policy` },
    {
      what: 'memory at rest',
      value: `${median(rss).toFixed(0)} MiB`,
      note: `RSS after 3 s, median of ${ROUNDS}, no sidecar`,
    },
  ];
}
