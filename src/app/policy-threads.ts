import { Worker, type WorkerOptions } from 'node:worker_threads';
import type { Issue, Result } from '../base/units/index.ts';
import type { PolicyWork, PolicyWorkDone } from './policy-work.ts';

export type PolicyThreadLimits = {
  /** For one piece of work, from the start of its thread. */
  readonly timeMs: number;
  readonly memoryMiB: number;
  /** Pieces of work that are done or wait. */
  readonly waiting: number;
};

/** Texts of 4 MiB, the most of a request, take seconds and 200 MiB; nothing that is bounded takes as much as this. */
const LIMITS: PolicyThreadLimits = { timeMs: 60_000, memoryMiB: 512, waiting: 32 };
const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './policy-thread.ts' : './policy-thread.js', import.meta.url);

/**
 * Reads large policies where nothing waits for it: a document of a megabyte costs a second, and between its first byte and
 * its last the YAML library gives nobody a turn. A thread for each piece of work, one after the other: starting one costs a
 * tenth of a second that only a large change pays, and ending it is the one way to end what has no turns, and gives all of
 * its memory back.
 */
export class PolicyThreads {
  readonly #limits: PolicyThreadLimits;
  readonly #entry: URL;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(limits: Partial<PolicyThreadLimits> = {}, entry: URL = ENTRY) {
    this.#limits = { ...LIMITS, ...limits };
    this.#entry = entry;
  }

  /** Never rejects: what cannot be done within the limits is an issue. */
  do<K extends PolicyWork['kind']>(work: PolicyWork & { readonly kind: K }): Promise<Result<PolicyWorkDone[K]>> {
    const { waiting } = this.#limits;
    if (this.#waiting >= waiting)
      return Promise.resolve(
        refused('POLICY_LIMIT', `${waiting} large policies are being read or wait for it`, 'try again in a moment'),
      );
    this.#waiting += 1;
    const done = this.#last.then(() => this.#run(work));
    const ended = (): void => {
      this.#waiting -= 1;
    };
    this.#last = done.then(ended, ended);
    return done as Promise<Result<PolicyWorkDone[K]>>;
  }

  async #run(work: PolicyWork): Promise<Result<unknown>> {
    const { timeMs, memoryMiB } = this.#limits;
    let worker: Worker;
    try {
      worker = startThread(this.#entry, { workerData: work, resourceLimits: { maxOldGenerationSizeMb: memoryMiB } });
    } catch (error) {
      // No thread to be had (a limit of the machine): that is thrown at once, and not told as an event.
      return failed(error as NodeJS.ErrnoException, memoryMiB);
    }
    // The server does not wait for it when it ends.
    worker.unref();
    let timer: NodeJS.Timeout | undefined;
    const answer = await new Promise<Result<unknown>>((resolve) => {
      worker.once('message', resolve);
      worker.once('error', (error: NodeJS.ErrnoException) => resolve(failed(error, memoryMiB)));
      worker.once('exit', (code) => resolve(refused('POLICY_UNREADABLE', `its thread ended with ${code}`)));
      timer = setTimeout(() => {
        const message = `expected a policy that is read within ${timeMs / 1000} s`;
        resolve(refused('POLICY_LIMIT', message, 'make it smaller, or see what else keeps this machine busy'));
      }, timeMs);
      timer.unref();
    });
    clearTimeout(timer);
    await worker.terminate();
    return answer;
  }
}

/** The source (tests, benches) needs the loader that runs it in the thread too; what is compiled needs none. */
function startThread(entry: URL, options: WorkerOptions): Worker {
  if (!entry.pathname.endsWith('.ts')) return new Worker(entry, options);
  const script = `import('tsx/esm/api').then(({ register }) => { register(); return import('${entry.href}'); });`;
  return new Worker(script, { ...options, eval: true, execArgv: [] });
}

function failed(error: NodeJS.ErrnoException, memoryMiB: number): Result<never> {
  return error.code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? refused('POLICY_LIMIT', `expected a policy that is read within ${memoryMiB} MiB of memory`, 'make it smaller')
    : refused('POLICY_UNREADABLE', `it cannot be read: ${error.message}`);
}

function refused(code: string, message: string, hint?: string): Result<never> {
  const issue: Issue = { code, path: '', message, ...(hint === undefined ? {} : { hint }) };
  return { ok: false, issues: [issue] };
}
