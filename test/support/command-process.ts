import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const BIN = join(import.meta.dirname, '../../bin/loadline.js');

/** A `loadline COMMAND` that runs beside a test until it is ended, and everything that it logged. */
export class CommandProcess {
  log = '';
  readonly #child: ChildProcess;
  readonly #gone: Promise<number | null>;

  constructor(command: string, flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, [BIN, command, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const take = (chunk: Buffer): void => {
      this.log += chunk;
    };
    this.#child.stdout?.on('data', take);
    this.#child.stderr?.on('data', take);
    this.#gone = new Promise((resolve) => this.#child.once('exit', resolve));
  }

  /** Ends the process and waits until it is gone; returns its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    const code = await this.#gone;
    clearTimeout(late);
    return code;
  }
}
