import { join } from 'node:path';
import { LoadlineError } from '../../base/errors.ts';
import type { Issue } from '../../base/units/index.ts';
import { moveAside } from './aside.ts';
import { errorCode } from './error-code.ts';
import { type FileSystem, nodeFileSystem } from './file-system.ts';
import { decodeGeneration, encodeGeneration } from './generation.ts';

/**
 * One JSON value that may be lost without harm: a file in a directory that somebody else has locked, replaced in one step, with
 * a checksum. There is the old value or the new one, or none.
 */
export class KeptFile {
  readonly #folder: string;
  readonly #name: string;
  readonly #fs: FileSystem;

  constructor(folder: string, name: string, fs: FileSystem = nodeFileSystem) {
    this.#folder = folder;
    this.#name = name;
    this.#fs = fs;
  }

  /** undefined when there is none. Never rejects over its state: what cannot be used is a warning. */
  async load(): Promise<{ readonly content: unknown; readonly warnings: readonly Issue[] }> {
    const path = join(this.#folder, this.#name);
    try {
      const decoded = decodeGeneration(await this.#fs.read(path));
      if (decoded.ok) return { content: decoded.value.content, warnings: [] };
      const message = `not used: ${decoded.reason}; ${await this.setAside()}`;
      return { content: undefined, warnings: [{ code: decoded.code, path, message }] };
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return { content: undefined, warnings: [] };
      const message = `cannot be read: ${(error as Error).message}`;
      return { content: undefined, warnings: [{ code: 'CHECKPOINT_UNREADABLE', path, message }] };
    }
  }

  /** Moves away what does not hold what it should. @returns what became of it, in words. */
  setAside(): Promise<string> {
    return moveAside(this.#fs, join(this.#folder, this.#name));
  }

  /** One at a time. @throws LoadlineError LOADLINE_STORE; what was there before still is */
  async save(content: unknown): Promise<void> {
    const path = join(this.#folder, this.#name);
    try {
      await this.#fs.writeAndSync(`${path}.new`, encodeGeneration({ generation: 0, content }));
      await this.#fs.rename(`${path}.new`, path);
      await this.#fs.syncFolder(this.#folder);
    } catch (cause) {
      throw new LoadlineError('LOADLINE_STORE', `${path}: ${(cause as Error).message}`, cause);
    }
  }
}
