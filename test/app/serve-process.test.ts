import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const BIN = join(import.meta.dirname, '../../bin/loadline.js');
let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadline-process-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  }
  rmSync(folder, { recursive: true, force: true });
});

type Line = { readonly level: string; readonly msg: string; readonly [field: string]: unknown };

/** `loadline serve` as users start it, on free ports, with its lines as they come. */
function serve(): {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  line(message: string): Promise<Line>;
} {
  const addresses = ['--xds', '--admin', '--http'].flatMap((flag) => [flag, '127.0.0.1:0']);
  const argv = ['serve', '--dev', '--policies', 'docs/examples/lab.yaml', '--data', join(folder, 'data'), ...addresses];
  const child = spawn(process.execPath, [BIN, ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let text = '';
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const line = (message: string): Promise<Line> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = text.split('\n').find((one) => one.includes(JSON.stringify(message)));
        if (found !== undefined) resolve(JSON.parse(found) as Line);
      };
      child.stdout?.on('data', look);
      child.once('close', () => reject(new Error(`it ended without the line ${message}:\n${text}`)));
      look();
    });
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  return { child, ended, line };
}

describe('loadline serve as a process', () => {
  it('says where it listens, refuses a second one, and ends well on SIGTERM', async () => {
    const first = serve();
    const ready = await first.line('loadline is ready');
    expect(ready).toMatchObject({
      level: 'info',
      xds: expect.stringMatching(/^127\.0\.0\.1:[1-9]/),
      policies: 'docs/examples/lab.yaml',
    });
    const second = serve();
    const refusal = await second.line('loadline cannot start');
    expect(refusal).toMatchObject({ level: 'error', code: 'LOADLINE_STORE' });
    expect(refusal.reason).toContain(`is in use by process ${first.child.pid}`);
    expect(await second.ended).toBe(1);
    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    expect(readdirSync(join(folder, 'data')).filter((name) => name.startsWith('lock'))).toEqual([]);
  });

  it('starts again at once after a SIGKILL: the lock of a dead process is taken over', async () => {
    const first = serve();
    await first.line('loadline is ready');
    first.child.kill('SIGKILL');
    await first.ended;
    expect(readdirSync(join(folder, 'data'))).toContain('lock');
    const second = serve();
    await second.line('loadline is ready');
    second.child.kill('SIGINT');
    expect(await second.ended).toBe(0);
  });
});
