import type { Resource } from '../resources/index.ts';
import type { TypeView } from '../snapshot/index.ts';
import { sortedByName } from './by-name.ts';
import type { Held } from './held.ts';

/** A TTL runs out after three heartbeats that did not arrive. */
const BEATS_PER_TTL = 3;

/** When the TTL of each resource of one subscription must be renewed (design law 11). Costs nothing where nothing has one. */
export class Heartbeats {
  #dueAtMs: Map<string, number> | undefined;
  /** Held since before this stream: nobody knows whether they have a TTL, and how long it still runs. */
  #unsure: Set<string> | undefined;

  get isEmpty(): boolean {
    return (this.#dueAtMs?.size ?? 0) === 0 && (this.#unsure?.size ?? 0) === 0;
  }

  /** The resource, or its heartbeat, goes out now. */
  sent({ name, ttlMs }: Resource, nowMs: number): void {
    if (ttlMs === undefined) this.#dueAtMs?.delete(name);
    else this.#dueAt(name, nowMs + ttlMs / BEATS_PER_TTL);
  }

  /** The client says that it holds it: if it has a TTL, it is renewed at once. */
  atOnce(name: string): void {
    this.#unsure ??= new Set();
    this.#unsure.add(name);
  }

  delete(name: string): void {
    this.#dueAtMs?.delete(name);
    this.#unsure?.delete(name);
  }

  get nextAtMs(): number | undefined {
    let next: number | undefined;
    for (const dueMs of this.#dueAtMs?.values() ?? []) if (next === undefined || dueMs < next) next = dueMs;
    return next;
  }

  /** Those that are due, as the client has them, sorted by name. */
  due(view: TypeView, held: (name: string) => Held | undefined, nowMs: number): readonly Resource[] {
    if (this.isEmpty) return NONE;
    for (const name of this.#unsure ?? []) if (view.get(name)?.ttlMs !== undefined) this.#dueAt(name, nowMs);
    this.#unsure = undefined;
    const due: Resource[] = [];
    for (const [name, dueMs] of this.#dueAtMs ?? []) {
      if (dueMs > nowMs) continue;
      const wanted = view.get(name);
      const has = held(name);
      // While a newer version is refused, or waits, the one that the client has must not lapse.
      const resource = typeof has === 'object' ? has : has === wanted?.version ? wanted : undefined;
      if (wanted === undefined || resource?.ttlMs === undefined) this.#dueAtMs?.delete(name);
      else due.push(resource);
    }
    return sortedByName(due);
  }

  #dueAt(name: string, atMs: number): void {
    this.#dueAtMs ??= new Map();
    this.#dueAtMs.set(name, atMs);
  }
}

const NONE: readonly Resource[] = [];
