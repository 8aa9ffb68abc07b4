import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** From the sources: the built program would build itself first where it is older than they are. */
const SCRIPT = `import { main } from './src/cli/main.ts'; process.exitCode = await main(process.argv.slice(1));`;
const loadline = `"${process.execPath}" --import tsx --input-type=module -e "$SCRIPT"`;

/** Runs a line of a real shell that prints the codes of a pipeline on standard error, last. */
function bash(line: string): Promise<{ readonly out: string; readonly err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', line], {
      cwd: join(import.meta.dirname, '../..'),
      env: { ...process.env, SCRIPT },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk));
    child.once('error', reject);
    child.once('close', () => resolve({ out, err }));
  });
}

describe('a command whose reader goes away', () => {
  it('ends as if SIGPIPE had ended it, and without a word', async () => {
    // The schema is longer than a pipe holds, so its end cannot be written before the reader has gone.
    const { out, err } = await bash(`${loadline} schema | head -c 10; echo "codes \${PIPESTATUS[*]}" >&2`);
    expect(out).toHaveLength(10);
    expect(err).toBe('codes 141 0\n');
  });

  it('of its errors does so, too', async () => {
    // Begins when the other end of the pipe is gone for certain.
    const wait = `trap '' PIPE; while printf x 2>/dev/null; do :; done`;
    const line = `{ ${wait}; exec ${loadline} nonsense 2>&1 >/dev/null; } | true; echo "codes \${PIPESTATUS[*]}"`;
    expect(await bash(line)).toEqual({ out: 'codes 141 0\n', err: '' });
  });

  it.skipIf(!existsSync('/dev/full'))('tells that the disk is full (skipped where there is no /dev/full)', async () => {
    const { out, err } = await bash(`${loadline} version >/dev/full; echo "code $?"`);
    expect(out).toBe('code 1\n');
    expect(err).toMatch(/^error: standard output cannot be written: ENOSPC[^\n]*\n$/);
  });
});
