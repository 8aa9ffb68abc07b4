import fs from 'node:fs';

/** The calls by which the database reaches the disk; each may fail. */
const CALLS = ['openSync', 'writeSync', 'fsyncSync', 'ftruncateSync', 'unlinkSync'] as const;

/** `Once`: that one operation fails. `Onwards`: all from there on, as on a disk that is full or has been pulled. */
export type Fault = {
  readonly at: number;
  readonly kind: 'Once' | 'Onwards';
  readonly code: 'ENOSPC' | 'EIO' | 'EROFS';
};

/**
 * Makes the file system calls of this process fail, while it is armed: the real engine on a real disk that breaks. Paths
 * outside of the folder are let through; descriptors are known by the path that they were opened with.
 */
export class BrokenDisk {
  readonly #folder: string;
  readonly #real = Object.fromEntries(CALLS.map((name) => [name, fs[name]]));
  readonly #descriptors = new Set<number>();
  #fault: Fault | undefined;
  operations = 0;
  failures = 0;

  constructor(folder: string) {
    this.#folder = folder;
    for (const name of CALLS) {
      const real = this.#real[name] as (...args: unknown[]) => unknown;
      (fs as unknown as Record<string, unknown>)[name] = (...args: unknown[]): unknown => {
        if (this.#concerns(args[0])) this.#step(name, args);
        const result = real(...args);
        if (name === 'openSync' && this.#concerns(args[0])) this.#descriptors.add(result as number);
        return result;
      };
    }
  }

  arm(fault: Fault | undefined): void {
    this.#fault = fault;
    this.operations = 0;
    this.failures = 0;
  }

  restore(): void {
    for (const name of CALLS) (fs as unknown as Record<string, unknown>)[name] = this.#real[name];
  }

  #concerns(target: unknown): boolean {
    return typeof target === 'number' ? this.#descriptors.has(target) : String(target).startsWith(this.#folder);
  }

  #step(name: string, args: readonly unknown[]): void {
    this.operations += 1;
    const fault = this.#fault;
    if (fault === undefined) return;
    if (fault.kind === 'Once' ? this.operations !== fault.at : this.operations < fault.at) return;
    this.failures += 1;
    // A full disk takes a part of what it is given.
    if (name === 'writeSync' && fault.code === 'ENOSPC') {
      const [descriptor, bytes, offset, length, position] = args as [number, Uint8Array, number, number, number];
      const write = this.#real.writeSync as typeof fs.writeSync;
      write(descriptor, bytes, offset, length >> 1, position);
    }
    throw Object.assign(new Error(`${fault.code}: ${name}`), { code: fault.code });
  }
}
