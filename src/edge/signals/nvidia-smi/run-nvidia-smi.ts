import { type ChildProcess, spawn } from 'node:child_process';
import { oneLine } from '../one-line.ts';
import type { Failure } from '../signal-source.ts';

export type Output =
  | { readonly ok: true; readonly text: string; readonly tookMs: number }
  | { readonly ok: false; readonly failure: Failure };

/** A machine with sixteen GPUs prints some kilobytes. */
const MAX_OUTPUT_BYTES = 1024 * 1024;
const MAX_COMPLAINT = 1000;

/**
 * Runs nvidia-smi, one at a time. A driver that hangs can hold its caller in the kernel, where no signal reaches it: then
 * the run ends for us when it is aborted, and no further one is started before the old process is gone.
 */
export class NvidiaSmi {
  readonly #path: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  constructor(path: string, args: readonly string[]) {
    this.#path = path;
    this.#args = args;
  }

  async run(signal: AbortSignal): Promise<Output> {
    if (this.#child !== undefined) return bad('Timeout', 'its last run hangs in the driver and cannot be killed');
    if (signal.aborted) return bad('Stopped', 'stopped');
    const startedAt = performance.now();
    // A group of its own: a wrapper script dies with what it started.
    const child = spawn(this.#path, this.#args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, LC_ALL: 'C' },
    });
    this.#child = child;
    const gone = (): void => {
      if (this.#child === child) this.#child = undefined;
    };
    child.once('exit', gone);
    const output = await outputOf(child, signal, startedAt);
    // It never started, so it never exits.
    if (child.pid === undefined) gone();
    else if (!output.ok) {
      kill(child.pid);
      // One that cannot be killed must not keep us from ending.
      child.unref();
    }
    return output;
  }
}

function outputOf(child: ChildProcess, signal: AbortSignal, startedAt: number): Promise<Output> {
  return new Promise((resolve) => {
    const out: Buffer[] = [];
    let size = 0;
    let complaint = '';
    const end = (output: Output): void => {
      signal.removeEventListener('abort', abort);
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve(output);
    };
    const abort = (): void => {
      const tookMs = Math.round(performance.now() - startedAt);
      end(signal.reason === 'Stopped' ? bad('Stopped', 'stopped') : bad('Timeout', `killed after ${tookMs} ms`));
    };
    signal.addEventListener('abort', abort, { once: true });
    child.stdout?.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_OUTPUT_BYTES) end(bad('TooLarge', `prints more than ${MAX_OUTPUT_BYTES} bytes`));
      else out.push(chunk);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      if (complaint.length < MAX_COMPLAINT) complaint += chunk.toString('utf8');
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      end(bad('Process', error.code === 'ENOENT' ? 'there is no such program' : `cannot be run (${error.code})`));
    });
    child.once('close', (code, killedBy) => {
      const text = Buffer.concat(out).toString('utf8');
      if (code === 0) end({ ok: true, text, tookMs: performance.now() - startedAt });
      else
        end(bad('Process', `ended with ${killedBy ?? code}: ${firstLine(complaint) || firstLine(text) || 'no word'}`));
    });
  });
}

function kill(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // Gone already, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function firstLine(text: string): string {
  return oneLine(text.split('\n').find((one) => one.trim() !== '') ?? '');
}

function bad(reason: Failure['reason'], message: string): Output {
  return { ok: false, failure: { reason, message } };
}
