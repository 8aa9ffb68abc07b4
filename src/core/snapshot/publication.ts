import { type Resource, TYPE_URL } from '../resources/index.ts';
import { Debounce, type DebounceOptions } from './debounce.ts';
import { makeSnapshot, type Snapshot, viewOf } from './snapshot.ts';

/** What follows the load goes out at once; everything else is structure, whose changes come in bursts. */
const LIVE: ReadonlySet<string> = new Set([TYPE_URL.endpoint, TYPE_URL.runtime]);

/**
 * What is published of the snapshots of one key: weights at once, structure when it has been quiet for a moment. In between
 * clients get the new weights on the old structure.
 */
export class Publication {
  readonly #debounce: Debounce;
  #published: Snapshot | undefined;
  #wanted: Snapshot | undefined;

  constructor(options: DebounceOptions) {
    this.#debounce = new Debounce(options);
  }

  get published(): Snapshot | undefined {
    return this.#published;
  }

  /** When to ask again though no new snapshot came. */
  get dueAtMs(): number | undefined {
    return this.#debounce.dueAtMs;
  }

  /** Ends the wait; whether anything waited. A client that comes now should not be given what is old already. */
  flush(): boolean {
    if (this.#debounce.dueAtMs === undefined || this.#wanted === undefined) return false;
    this.#debounce.done();
    this.#published = this.#wanted;
    return true;
  }

  /** Takes the newest snapshot in and returns what clients should have now. The first one is theirs at once. */
  offer(next: Snapshot, nowMs: number): Snapshot {
    const published = this.#published;
    if (published === undefined || sameStructure(published, next)) {
      this.#debounce.done();
      this.#wanted = next;
      this.#published = next;
      return next;
    }
    if (this.#wanted === undefined || !sameStructure(this.#wanted, next)) this.#debounce.changed(nowMs);
    this.#wanted = next;
    if (nowMs >= (this.#debounce.dueAtMs ?? nowMs)) {
      this.#debounce.done();
      this.#published = next;
    } else {
      this.#published = withLive(published, next);
    }
    return this.#published;
  }
}

function sameStructure(a: Snapshot, b: Snapshot): boolean {
  if (a === b) return true;
  for (const typeUrl of new Set([...a.types.keys(), ...b.types.keys()])) {
    if (!LIVE.has(typeUrl) && viewOf(a, typeUrl) !== viewOf(b, typeUrl)) return false;
  }
  return true;
}

/**
 * The structure of one snapshot with the live types of another, by name: what only the older has stays, something may point to
 * it; what only the newer has waits for the structure that it belongs to.
 */
function withLive(structure: Snapshot, live: Snapshot): Snapshot {
  const resources: Resource[] = [...structure.types.values()].flatMap((view) => [...view.values()]);
  for (const typeUrl of LIVE) {
    const before = viewOf(structure, typeUrl);
    for (const resource of viewOf(live, typeUrl).values()) if (before.has(resource.name)) resources.push(resource);
  }
  return makeSnapshot(structure.key, resources, structure);
}
