import type { FileSystem } from '../../../src/edge/store/index.ts';

type Inode = { content: Uint8Array; durable: Uint8Array };

/** `Before`: nothing was done; `Torn`: half of it; `After`: all of it, and the answer is an error nevertheless. */
export type Fault = 'Before' | 'Torn' | 'After';

const EMPTY = new Uint8Array();

/**
 * A disk in memory that tells what has reached it from what has not: a name is durable when its folder was synced, content
 * when it was written with a sync. Each process sees it under a mount point of its own, because a real one would have its
 * own memory.
 */
export class Disk {
  readonly #names = new Map<string, Inode>();
  #durable = new Map<string, Inode>();
  operations = 0;
  /** What happens to the operation with this number, from 1. */
  fault: (operation: number) => Fault | undefined = () => undefined;
  /** Called before each operation: a test may wait there. */
  pause: () => Promise<void> = async () => {};

  mount(point: string): FileSystem {
    const at = (path: string): string => {
      if (!path.startsWith(`${point}/`)) throw new Error(`${path} is not under ${point}`);
      return path.slice(point.length);
    };
    return {
      makeFolder: (path) => this.#do(() => void at(path)),
      read: (path) => this.#do(() => this.#inode(at(path)).content),
      writeAndSync: (path, content) =>
        this.#do(
          () => this.#write(at(path), content),
          () => this.#write(at(path), content.subarray(0, content.length >> 1)),
        ),
      rename: (from, to) =>
        this.#do(() => {
          this.#names.set(at(to), this.#inode(at(from)));
          this.#names.delete(at(from));
        }),
      link: (from, to) =>
        this.#do(() => {
          if (this.#names.has(at(to))) throw failure('EEXIST', to);
          this.#names.set(at(to), this.#inode(at(from)));
        }),
      remove: (path) => this.#do(() => void this.#names.delete(at(path))),
      syncFolder: () =>
        this.#do(() => {
          this.#durable = new Map(this.#names);
        }),
    };
  }

  get(path: string): Uint8Array | undefined {
    return this.#names.get(path)?.content;
  }

  set(path: string, content: Uint8Array | string): void {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    this.#names.set(path, { content: bytes, durable: bytes });
  }

  delete(path: string): void {
    this.#names.delete(path);
  }

  names(): readonly string[] {
    return [...this.#names.keys()].sort();
  }

  /** The power goes: of each name that was not durable, `kept` says whether the new or the old state is found afterwards. */
  powerLoss(kept: () => boolean): void {
    for (const name of new Set([...this.#names.keys(), ...this.#durable.keys()])) {
      const inode = kept() ? this.#names.get(name) : this.#durable.get(name);
      if (inode === undefined) this.#names.delete(name);
      else this.#names.set(name, inode);
    }
    for (const inode of this.#names.values()) inode.content = inode.durable;
    this.#durable = new Map(this.#names);
  }

  async #do<T>(act: () => T, half?: () => void): Promise<T> {
    await this.pause();
    this.operations += 1;
    const fault = this.fault(this.operations);
    if (fault === undefined) return act();
    if (fault === 'Torn') half?.();
    if (fault === 'After') act();
    throw failure('EIO', `operation ${this.operations}`);
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw failure('ENOENT', path);
    return inode;
  }

  #write(path: string, content: Uint8Array): void {
    const inode = this.#names.get(path) ?? { content: EMPTY, durable: EMPTY };
    // Not slice(): a Buffer would share its memory.
    inode.content = new Uint8Array(content);
    inode.durable = inode.content;
    this.#names.set(path, inode);
  }
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
