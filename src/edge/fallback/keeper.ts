import { LoadlineError } from '../../base/errors.ts';
import type { Snapshot } from '../../core/snapshot/index.ts';
import type { Log } from '../observe/index.ts';
import type { KeptSnapshot } from './kept-snapshot.ts';

/** Weights change each second. What is served is the newest in any case; the file is for a start without a server. */
const SAVE_EVERY_MS = 5000;

/** Writes the newest set to the file: the first at once, then at most every few seconds, and what is left at the end. */
export class Keeper {
  readonly #file: Pick<KeptSnapshot, 'path' | 'save'>;
  readonly #log: Log;
  readonly #everyMs: number;
  #due: Snapshot | undefined;
  #saving: Promise<void> | undefined;
  #failed = false;
  #saved = false;
  #pause: NodeJS.Timeout | undefined;

  constructor(file: Pick<KeptSnapshot, 'path' | 'save'>, log: Log, everyMs: number = SAVE_EVERY_MS) {
    this.#file = file;
    this.#log = log;
    this.#everyMs = everyMs;
  }

  keep(snapshot: Snapshot): void {
    this.#due = snapshot;
    if (this.#saving === undefined && this.#pause === undefined) this.#begin();
  }

  /** Resolves when everything is in the file, or cannot be. */
  async stop(): Promise<void> {
    await this.#saving;
    clearTimeout(this.#pause);
    if (this.#due !== undefined) await this.#save();
    clearTimeout(this.#pause);
  }

  #begin(): void {
    this.#saving = this.#save().then(() => {
      this.#saving = undefined;
      this.#pause = setTimeout(() => {
        this.#pause = undefined;
        if (this.#due !== undefined) this.#begin();
      }, this.#everyMs);
    });
  }

  /** Never rejects: what could not be written is due again with the next try. */
  async #save(): Promise<void> {
    const snapshot = this.#due as Snapshot;
    this.#due = undefined;
    const { path } = this.#file;
    try {
      await this.#file.save(snapshot);
      if (!this.#saved || this.#failed) this.#log.info({ path }, 'snapshot kept');
      this.#saved = true;
      this.#failed = false;
    } catch (error) {
      if (!(error instanceof LoadlineError)) throw error;
      if (!this.#failed) this.#log.error({ path, err: error }, 'snapshot cannot be kept');
      this.#failed = true;
      this.#due ??= snapshot;
    }
  }
}
