import { encodeMessage } from '../../base/codec/index.ts';
import { LAPSING_LAYER, type Resource, receivedResource, TYPE_URL } from '../../core/resources/index.ts';
import { danglingRefs, makeSnapshot, type Snapshot, type SnapshotKey, viewOf } from '../../core/snapshot/index.ts';

/** What lapses with the server is not kept: Envoy is told at once that there is nothing, in place of waiting for it. */
const NOTHING_LAPSING: Resource = receivedResource({
  typeUrl: TYPE_URL.runtime,
  name: LAPSING_LAYER,
  bytes: encodeMessage(TYPE_URL.runtime, { name: LAPSING_LAYER, layer: {} }),
});

/**
 * The resources of one group as they come in, type by type. A change of structure comes in several responses; what counts is
 * the last set that an Envoy could start with: listeners, and nothing that points nowhere.
 */
export class Followed {
  readonly #key: SnapshotKey;
  readonly #resources = new Map<string, Map<string, Resource>>();
  #snapshot: Snapshot | undefined;

  constructor(key: SnapshotKey, kept: readonly Resource[]) {
    this.#key = key;
    for (const resource of kept) this.#ofType(resource.typeUrl).set(resource.name, resource);
    this.#snapshot = this.#whole();
  }

  /** The last consistent set; undefined before the first. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Name to version of what is here. */
  versions(typeUrl: string): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#ofType(typeUrl).values()].map(({ name, version }) => [name, version]));
  }

  /** Takes one response in; returns the set when it is another one and consistent. */
  take(typeUrl: string, changed: readonly Resource[], removed: readonly string[]): Snapshot | undefined {
    const held = this.#ofType(typeUrl);
    for (const resource of changed) held.set(resource.name, resource);
    for (const name of removed) held.delete(name);
    const whole = this.#whole();
    if (whole === undefined || whole === this.#snapshot) return undefined;
    this.#snapshot = whole;
    return whole;
  }

  #whole(): Snapshot | undefined {
    const resources = [...this.#resources.values()].flatMap((held) => [...held.values()]);
    const snapshot = makeSnapshot(this.#key, [...resources, NOTHING_LAPSING], this.#snapshot);
    const begun = viewOf(snapshot, TYPE_URL.listener).size > 0 && viewOf(snapshot, TYPE_URL.cluster).size > 0;
    return begun && danglingRefs(snapshot).length === 0 ? snapshot : undefined;
  }

  #ofType(typeUrl: string): Map<string, Resource> {
    let held = this.#resources.get(typeUrl);
    if (held === undefined) {
      held = new Map();
      this.#resources.set(typeUrl, held);
    }
    return held;
  }
}

/** What is worth keeping of a set: all but what lapses. */
export function lasting(snapshot: Snapshot): readonly Resource[] {
  return [...snapshot.types.values()]
    .flatMap((view) => [...view.values()])
    .filter((resource) => resource !== NOTHING_LAPSING);
}
