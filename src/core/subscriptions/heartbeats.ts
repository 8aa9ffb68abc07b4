import type { Resource } from '../resources/index.ts';
import type { TypeView } from '../snapshot/index.ts';
import { type Held, versionOf } from './held.ts';

/** A TTL runs out after three heartbeats that did not arrive. */
const BEATS_PER_TTL = 3;

/** When the TTL of each resource of one subscription must be renewed (design law 11). Costs nothing where nothing has one. */
export class Heartbeats {
  readonly #dueAtMs = new Map<string, number>();

  /** The resource, or its heartbeat, goes out now. */
  sent(resource: Resource, nowMs: number): void {
    if (resource.ttlMs !== undefined) this.#dueAtMs.set(resource.name, nowMs + resource.ttlMs / BEATS_PER_TTL);
    else if (this.#dueAtMs.size > 0) this.#dueAtMs.delete(resource.name);
  }

  /** The client holds it since before this stream: nobody knows how long its TTL still runs. */
  atOnce(name: string, nowMs: number): void {
    this.#dueAtMs.set(name, nowMs);
  }

  delete(name: string): void {
    if (this.#dueAtMs.size > 0) this.#dueAtMs.delete(name);
  }

  get isEmpty(): boolean {
    return this.#dueAtMs.size === 0;
  }

  get nextAtMs(): number | undefined {
    if (this.#dueAtMs.size === 0) return undefined;
    let next: number | undefined;
    for (const dueMs of this.#dueAtMs.values()) if (next === undefined || dueMs < next) next = dueMs;
    return next;
  }

  /** Those that are due, sorted by name. One that is about to be sent in full, or is not there, is no heartbeat. */
  due(view: TypeView, held: (name: string) => Held | undefined, nowMs: number): readonly Resource[] {
    if (this.#dueAtMs.size === 0) return [];
    const due: Resource[] = [];
    for (const [name, dueMs] of this.#dueAtMs) {
      const resource = view.get(name);
      if (resource === undefined || versionOf(held(name)) !== resource.version || dueMs > nowMs) continue;
      if (resource.ttlMs === undefined) this.#dueAtMs.delete(name);
      else due.push(resource);
    }
    return due.sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}
