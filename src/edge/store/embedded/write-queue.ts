import { LoadlineError } from '../../../base/errors.ts';
import type { RecordFile } from './record-file.ts';

type Job = {
  readonly run: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
};

/** Writes that share an fsync: what comes while one is on its way, up to here. */
const MAX_GROUP = 64;

/**
 * Writes one after the other, several in one transaction of the file when several wait: each sees what those before it did,
 * and all are answered when they are on the disk. When the disk fails none of the group is done, and each is told.
 */
export class WriteQueue {
  readonly #file: RecordFile;
  readonly #failed: (error: unknown) => Error;
  readonly #committed: () => void;
  readonly #jobs: Job[] = [];
  #turn: Promise<void> | undefined;

  constructor(file: RecordFile, failed: (error: unknown) => Error, committed: () => void) {
    this.#file = file;
    this.#failed = failed;
    this.#committed = committed;
  }

  add<T>(run: () => T): Promise<T> {
    const done = new Promise<T>((resolve, reject) => {
      this.#jobs.push({ run, resolve: resolve as (value: never) => void, reject });
    });
    this.#turn ??= this.#drain();
    return done;
  }

  /** Resolves when all writes have their answer. */
  async idle(): Promise<void> {
    await this.#turn;
  }

  async #drain(): Promise<void> {
    while (this.#jobs.length > 0) {
      // A turn of the event loop between two groups: others get their word in, and more writes come together.
      await new Promise((resolve) => setImmediate(resolve));
      this.#write(this.#jobs.splice(0, MAX_GROUP));
    }
    this.#turn = undefined;
  }

  #write(group: readonly Job[]): void {
    let results: readonly Outcome[];
    try {
      results = this.#file.transaction(() => group.map(({ run }) => this.#attempt(run)));
    } catch (error) {
      const failure = this.#failed(error);
      for (const { reject } of group) reject(failure);
      return;
    }
    this.#committed();
    for (const [at, { resolve, reject }] of group.entries()) {
      const result = results[at] as Outcome;
      if (result.ok) resolve(result.value as never);
      else reject(result.error);
    }
  }

  /** A record that is damaged fails the write that needs it, not its neighbours. */
  #attempt(run: () => unknown): Outcome {
    try {
      return { ok: true, value: this.#file.attempt(run) };
    } catch (error) {
      if (error instanceof LoadlineError) return { ok: false, error };
      throw error;
    }
  }
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: Error };
