import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { endWithParent } from './child-registry.ts';

const TIMEOUT_MS = 60_000;
const OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024;
/** It must never take the processor from whoever serves. */
const NICE = 10;
/** A refusal begins with a dump of what it is about and ends with the reason: both ends are kept. */
const HEAD_CHARS = 1024;
const TAIL_CHARS = 3072;

export type Validation = { readonly ok: true } | { readonly ok: false; readonly message: string };

/**
 * Asks a real Envoy (`--mode validate`) whether it would take a bootstrap: about 0.1 s. `message` is Envoy's own reason.
 * Throws LOADLINE_ENVOY_FAILED when the binary does not answer the question; after the time-out it is killed.
 */
export async function validateBootstrap(
  binary: string,
  bootstrap: JsonObject,
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
): Promise<Validation> {
  let folder: string | undefined;
  try {
    folder = await mkdtemp(join(tmpdir(), 'loadline-validate-'));
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
    await run(binary, args, options);
    return { ok: true };
  } catch (cause) {
    const { code, stderr = '' } = cause as { code?: unknown; stderr?: string };
    if (code !== 1) {
      throw new LoadlineError('LOADLINE_ENVOY_FAILED', `${binary} --mode validate: ${(cause as Error).message}`, cause);
    }
    return { ok: false, message: reasonIn(stderr) };
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

function run(
  binary: string,
  args: readonly string[],
  { timeoutMs = TIMEOUT_MS, signal }: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const bounds = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: OUTPUT_LIMIT_BYTES } as const;
    const child = execFile(
      binary,
      args,
      { ...bounds, ...(signal === undefined ? {} : { signal }) },
      (error, _stdout, stderr) => {
        if (error === null) resolve();
        else if (error.killed === true) reject(new Error(`no answer in ${timeoutMs} ms`));
        else reject(Object.assign(error, { stderr }));
      },
    );
    endWithParent(child);
    if (child.pid !== undefined) lower(child.pid);
  });
}

function lower(pid: number): void {
  try {
    setPriority(pid, NICE);
  } catch {
    // It ended already, or this system has no priorities: it is asked all the same.
  }
}

/** Log prefixes carry time, thread and source line, which say nothing about the configuration; neither does our own file. */
function reasonIn(stderr: string): string {
  const text = stderr
    .split('\n')
    .map((line) => line.replace(/^(\[[^\]]*\]\s*)+/, '').trim())
    .filter((line) => line !== '')
    .join('\n')
    .replace(/^error initializing configuration '[^']*': /, '');
  return text.length <= HEAD_CHARS + TAIL_CHARS ? text : `${text.slice(0, HEAD_CHARS)} … ${text.slice(-TAIL_CHARS)}`;
}
