import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Validation } from './validate-bootstrap.ts';

/** Of a fleet with a hundred groups and two releases the last policy and the one before. */
const MAX_JUDGEMENTS = 512;
const FORMAT = 1;

/**
 * What Envoys said, by version and content. A rollback, or a restart, asks nothing twice. In a file where one is given; a file
 * that cannot be read or written only means that Envoy is asked again.
 */
export class JudgementCache {
  readonly #path: string | undefined;
  readonly #judgements = new Map<string, Validation>();
  #opened: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(path?: string) {
    this.#path = path;
  }

  async get(key: string): Promise<Validation | undefined> {
    this.#opened ??= this.#open();
    await this.#opened;
    return this.#judgements.get(key);
  }

  put(key: string, judgement: Validation): void {
    this.#judgements.delete(key);
    this.#judgements.set(key, judgement);
    for (const oldest of this.#judgements.keys()) {
      if (this.#judgements.size <= MAX_JUDGEMENTS) break;
      this.#judgements.delete(oldest);
    }
    this.#writing = this.#writing.then(() => this.#save());
  }

  /** Resolves when everything is written. */
  async saved(): Promise<void> {
    await this.#writing;
  }

  async #open(): Promise<void> {
    if (this.#path === undefined) return;
    try {
      const { format, judgements } = JSON.parse(await readFile(this.#path, 'utf8')) as {
        format?: unknown;
        judgements?: unknown;
      };
      if (format !== FORMAT || !Array.isArray(judgements)) return;
      for (const [key, judgement] of judgements.slice(-MAX_JUDGEMENTS)) {
        if (typeof key === 'string' && isValidation(judgement)) this.#judgements.set(key, judgement);
      }
    } catch {
      // None yet, or one that a crash cut off: it is only a cache.
    }
  }

  async #save(): Promise<void> {
    if (this.#path === undefined) return;
    const scratch = `${this.#path}.new`;
    try {
      await writeFile(scratch, JSON.stringify({ format: FORMAT, judgements: [...this.#judgements] }), { mode: 0o600 });
      await rename(scratch, this.#path);
    } catch {
      // A full or read-only disk is told of by what must be kept; this may be lost.
    }
  }
}

function isValidation(value: unknown): value is Validation {
  if (typeof value !== 'object' || value === null) return false;
  const { ok, message } = value as { ok?: unknown; message?: unknown };
  return ok === true || (ok === false && typeof message === 'string');
}
