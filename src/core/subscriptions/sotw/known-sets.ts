import type { Resource } from '../../resources/index.ts';

const MAX_SETS = 64;

/**
 * The full sets that were sent lately, by their `version_info`. A client that reconnects names only that version; without
 * this memory nobody would know which clusters it has, and those that are gone by now would be taken away before the routes
 * that point to them. Shared by all streams; few sets are alive at a time.
 */
export class KnownSets {
  readonly #sets = new Map<string, readonly Resource[]>();

  remember(version: string, resources: readonly Resource[]): void {
    // The order is that of use.
    this.#sets.delete(version);
    this.#sets.set(version, resources);
    if (this.#sets.size <= MAX_SETS) return;
    const [oldest] = this.#sets.keys();
    this.#sets.delete(oldest as string);
  }

  recall(version: string): readonly Resource[] | undefined {
    return this.#sets.get(version);
  }
}
