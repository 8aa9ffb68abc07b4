import type { Resource } from '../resources/index.ts';

/** Refused versions that are remembered for one stream and type. */
const MAX_REFUSED = 1000;

export type Refused = {
  /** '' for a removal that was refused. */
  readonly version: string;
  readonly message: string;
  readonly atMs: number;
};

/** What one client refused of one type: by name, the version that is never sent again. */
export class RefusedVersions {
  readonly #byName = new Map<string, Refused>();

  get size(): number {
    return this.#byName.size;
  }

  all(): Iterable<readonly [string, Refused]> {
    return this.#byName;
  }

  get(name: string): Refused | undefined {
    return this.#byName.get(name);
  }

  /** Whether this version, or (with `undefined`) the removal, was refused. */
  is(name: string, resource: Resource | undefined): boolean {
    return this.#byName.get(name)?.version === (resource?.version ?? '');
  }

  note(name: string, refused: Refused): void {
    this.#byName.delete(name);
    this.#byName.set(name, refused);
    if (this.#byName.size <= MAX_REFUSED) return;
    const [oldest] = this.#byName.keys();
    this.#byName.delete(oldest as string);
  }

  forget(name: string): void {
    this.#byName.delete(name);
  }

  /** Refused removals are forgotten; whether there were any. */
  forgetRemovals(): boolean {
    let any = false;
    for (const [name, { version }] of this.#byName) {
      if (version !== '') continue;
      this.#byName.delete(name);
      any = true;
    }
    return any;
  }
}
