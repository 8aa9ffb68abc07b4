import { type ChildProcess, fork, type StdioOptions, spawn } from 'node:child_process';
import { createWriteStream, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { LoadlineError } from '../../base/errors.ts';

const QUOTED_LINES = 12;
const STOP_TIMEOUT_MS = 5000;

export type ChildOptions = {
  /** For messages: `model servers`. */
  readonly name: string;
  /** A module that is run with this Node. */
  readonly module: string;
  readonly args?: readonly string[];
  /** Everything that it prints goes here. */
  readonly logFile: string;
  /** With a channel the child can notice that this process is gone. */
  readonly channel?: boolean;
};

/** A Node process of the demo. It is killed when this process exits, and its end is never silent. */
export class Child {
  readonly name: string;
  readonly exited: Promise<string>;
  readonly #process: ChildProcess;
  readonly #logFile: string;
  readonly #lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.#logFile = options.logFile;
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
    // Under a loader (tests run the sources) the child needs the same loader.
    const command = [...process.execArgv, options.module, ...(options.args ?? [])];
    this.#process =
      options.channel === true
        ? fork(options.module, options.args ?? [], { stdio: [...stdio, 'ipc'] })
        : spawn(process.execPath, command, { stdio });
    const kill = (): void => {
      this.#process.kill('SIGKILL');
    };
    process.once('exit', kill);
    // Opened at once: a folder that goes away with its owner must not end the process later.
    const log = createWriteStream(options.logFile, { fd: openSync(options.logFile, 'a') });
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`);
        this.#lines.push(line);
        if (this.#lines.length > QUOTED_LINES) this.#lines.shift();
        for (const listener of this.#listeners) listener(line);
      });
    }
    this.exited = new Promise((resolve) => {
      this.#process.once('error', (error) => resolve(`cannot be started: ${error.message}`));
      // `close` comes after the last line of output, so that the message can quote it.
      this.#process.once('close', (code, signal) => resolve(`ended with ${signal ?? `code ${code}`}`));
    });
    void this.exited.then(() => {
      process.off('exit', kill);
      log.end();
    });
  }

  /** Resolves with what `read` makes of the first line that it understands. Throws LOADLINE_LAB after the time-out. */
  awaitLine<T>(read: (line: string) => T | undefined, timeoutMs: number): Promise<T> {
    return this.#first(timeoutMs, (found) => {
      const listener = (line: string): void => {
        const value = read(line);
        if (value !== undefined) found(value);
      };
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    });
  }

  /** Resolves with the first message over the channel. Throws LOADLINE_LAB after the time-out. */
  awaitMessage<T>(timeoutMs: number): Promise<T> {
    return this.#first(timeoutMs, (found) => {
      const listener = (message: unknown): void => found(message as T);
      this.#process.once('message', listener);
      return () => this.#process.off('message', listener);
    });
  }

  failure(what: string): LoadlineError {
    const quoted = this.#lines.map((line) => `\n  ${line}`).join('');
    const seen = quoted === '' ? '' : `; its last lines:${quoted}`;
    return new LoadlineError('LOADLINE_LAB', `${this.name}: ${what} (log: ${this.#logFile})${seen}`);
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.exited;
    clearTimeout(timer);
  }

  async #first<T>(timeoutMs: number, listen: (found: (value: T) => void) => () => unknown): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let unlisten: (() => unknown) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        unlisten = listen(resolve);
        timer = setTimeout(() => reject(this.failure(`did not get ready within ${timeoutMs} ms`)), timeoutMs);
        void this.exited.then((how) => reject(this.failure(how)));
      });
    } finally {
      clearTimeout(timer);
      unlisten?.();
    }
  }
}
