import type { Resource } from '../resources/index.ts';

export type Refused = {
  /** '' for a removal that was refused. */
  readonly version: string;
  readonly message: string;
  readonly atMs: number;
};

/** Above so many, what nobody can ask for any more is forgotten. */
const PRUNE_ABOVE = 1000;

/**
 * What one client refused of one type: by name, the version that is never sent again, and the removals. As long as a name is
 * there its refusal is remembered, however many there are: a forgotten one would be sent, refused, and push out another.
 */
export class RefusedVersions {
  readonly #byName = new Map<string, Refused>();
  readonly #removals = new Map<string, Refused>();

  all(): Iterable<readonly [string, Refused]> {
    return this.#removals.size === 0 ? this.#byName : [...this.#byName, ...this.#removals];
  }

  /** Of the newest version that was refused, or else of the removal. */
  get(name: string): Refused | undefined {
    return this.#byName.get(name) ?? this.#removals.get(name);
  }

  /** Whether a version of it was refused, this or an older one. */
  hasVersion(name: string): boolean {
    return this.#byName.has(name);
  }

  /** Whether this version, or (with `undefined`) the removal, was refused. */
  is(name: string, resource: Resource | undefined): boolean {
    if (resource === undefined) return this.#removals.has(name);
    return this.#byName.get(name)?.version === resource.version;
  }

  note(name: string, refused: Refused): void {
    (refused.version === '' ? this.#removals : this.#byName).set(name, refused);
  }

  forget(name: string): void {
    this.#byName.delete(name);
    this.#removals.delete(name);
  }

  /** Refused removals are forgotten; whether there were any. */
  forgetRemovals(): boolean {
    if (this.#removals.size === 0) return false;
    this.#removals.clear();
    return true;
  }

  /** Forgets names that are neither published nor asked for. */
  prune(isThere: (name: string) => boolean): void {
    if (this.#byName.size <= PRUNE_ABOVE) return;
    for (const name of this.#byName.keys()) if (!isThere(name)) this.#byName.delete(name);
  }
}
