import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { JsonObject } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;

export type Validation = { readonly ok: true } | { readonly ok: false; readonly message: string };

/**
 * Asks a real Envoy (`--mode validate`) whether it would take a bootstrap: about 0.1 s. `message` is Envoy's own reason.
 * Throws LOADLINE_ENVOY_FAILED when the binary does not answer the question.
 */
export async function validateBootstrap(binary: string, bootstrap: JsonObject): Promise<Validation> {
  const folder = await mkdtemp(join(tmpdir(), 'loadline-validate-'));
  try {
    const path = join(folder, 'bootstrap.json');
    await writeFile(path, JSON.stringify(bootstrap));
    const args = [
      '--mode',
      'validate',
      '-c',
      path,
      '--log-level',
      'error',
      '--concurrency',
      '1',
      '--disable-hot-restart',
    ];
    await run(binary, args, { timeout: TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 });
    return { ok: true };
  } catch (cause) {
    const { code, stderr = '' } = cause as { code?: unknown; stderr?: string };
    if (code !== 1) {
      throw new LoadlineError('LOADLINE_ENVOY_FAILED', `${binary} --mode validate: ${(cause as Error).message}`, cause);
    }
    return { ok: false, message: reasonIn(stderr) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Log prefixes carry time, thread and source line, which say nothing about the configuration. */
function reasonIn(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^(\[[^\]]*\]\s*)+/, '').trim())
    .filter((line) => line !== '');
  return lines.join('\n').slice(0, 4096);
}
