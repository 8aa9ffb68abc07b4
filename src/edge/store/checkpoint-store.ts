import { join } from 'node:path';
import { LoadlineError } from '../../base/errors.ts';
import type { Issue } from '../../base/units/index.ts';
import { keepAside, moveAside } from './aside.ts';
import { acquireDataLock, type DataLock } from './data-lock.ts';
import { errorCode } from './error-code.ts';
import { type FileSystem, nodeFileSystem } from './file-system.ts';
import { decodeGeneration, encodeGeneration, type Generation } from './generation.ts';
import { type ProcessTable, systemProcesses } from './process-table.ts';

export type Loaded = {
  /** The content of the newest save that is whole; undefined when there is none. */
  readonly checkpoint: unknown;
  /** What was found that could not be used, and what is used instead. */
  readonly warnings: readonly Issue[];
};

/** Two files take turns, so that the newest whole generation is never the one being written. */
const SLOTS = ['checkpoint.0', 'checkpoint.1'] as const;
const SCRATCH = 'checkpoint.new';

/**
 * Remembers one JSON value over restarts, in a directory that belongs to one server at a time. Written as: new file,
 * forced to disk, renamed over the older of two slots, name forced to disk. A crash at any point leaves the newest save or
 * the one before it. (Renaming the current file to a backup first would leave a moment with no current file.)
 */
export class CheckpointStore {
  readonly #folder: string;
  readonly #fs: FileSystem;
  readonly #processes: ProcessTable;
  #lock: DataLock | undefined;
  #loaded = false;
  #generation = 0;
  /** Where the newest whole generation is; the next save goes to the other one. */
  #newest: 0 | 1 = 1;

  constructor(folder: string, fs: FileSystem = nodeFileSystem, processes: ProcessTable = systemProcesses) {
    this.#folder = folder;
    this.#fs = fs;
    this.#processes = processes;
  }

  /**
   * Takes the directory: creates it when it is missing (for its owner only) and locks it.
   * @throws LoadlineError LOADLINE_STORE when it cannot be used or another live server holds it
   */
  async open(): Promise<void> {
    try {
      await this.#fs.makeFolder(this.#folder);
      this.#lock = await acquireDataLock(this.#folder, this.#fs, this.#processes);
    } catch (cause) {
      if (cause instanceof LoadlineError) throw cause;
      throw new LoadlineError('LOADLINE_STORE', `data directory ${this.#folder}: ${(cause as Error).message}`, cause);
    }
  }

  /** Never rejects over the state of the files: what cannot be used is a warning. */
  async load(): Promise<Loaded> {
    this.#requireLock();
    const warnings: Issue[] = [];
    const whole: (Generation & { readonly slot: 0 | 1 })[] = [];
    for (const slot of [0, 1] as const) {
      const found = await this.#readSlot(slot, warnings);
      if (found !== undefined) whole.push({ ...found, slot });
    }
    this.#loaded = true;
    whole.sort((a, b) => b.generation - a.generation);
    const [best] = whole;
    if (best === undefined) return { checkpoint: undefined, warnings };
    this.#generation = best.generation;
    this.#newest = best.slot;
    return { checkpoint: best.content, warnings };
  }

  /**
   * Stores the value; when this resolves, it is durable. One save at a time.
   * @throws LoadlineError LOADLINE_STORE; the saves before then still stand
   */
  async save(checkpoint: unknown): Promise<void> {
    this.#requireLock();
    // Which slot is the older one is known only after a look.
    if (!this.#loaded) await this.load();
    const slot = this.#newest === 0 ? 1 : 0;
    const generation = this.#generation + 1;
    const scratch = join(this.#folder, SCRATCH);
    try {
      await this.#fs.writeAndSync(scratch, encodeGeneration({ generation, content: checkpoint }));
      await this.#fs.rename(scratch, join(this.#folder, SLOTS[slot]));
      // From here on the slot holds this generation, durable or not: the next save must go to the other one.
      this.#generation = generation;
      this.#newest = slot;
      await this.#fs.syncFolder(this.#folder);
    } catch (cause) {
      throw new LoadlineError('LOADLINE_STORE', `checkpoint in ${this.#folder}: ${(cause as Error).message}`, cause);
    }
  }

  /** Gives the directory back. */
  async close(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    await lock?.release();
  }

  async #readSlot(slot: 0 | 1, warnings: Issue[]): Promise<Generation | undefined> {
    const path = join(this.#folder, SLOTS[slot]);
    let bytes: Uint8Array;
    try {
      bytes = await this.#fs.read(path);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') {
        warnings.push({ code: 'CHECKPOINT_UNREADABLE', path, message: `cannot be read: ${(error as Error).message}` });
      }
      return undefined;
    }
    const decoded = decodeGeneration(bytes);
    if (decoded.ok) return decoded.value;
    const kept = await moveAside(this.#fs, path);
    warnings.push({ code: decoded.code, path, message: `not used: ${decoded.reason}; ${kept}` });
    return undefined;
  }

  /** For what is whole and does not hold what it should: the next saves replace it. @returns what became of it, in words. */
  keepAside(): Promise<string> {
    this.#requireLock();
    return keepAside(this.#fs, join(this.#folder, SLOTS[this.#newest]));
  }

  #requireLock(): void {
    if (this.#lock === undefined)
      throw new LoadlineError('LOADLINE_STORE', `data directory ${this.#folder} is not open`);
  }
}
