import type { Resource, ResourceRef } from '../resources/index.ts';
import type { SnapshotKey } from './snapshot-key.ts';

/** Resources of one type by name. */
export type TypeView = ReadonlyMap<string, Resource>;

const EMPTY: TypeView = new Map();

/** The consistent set of resources for one key. Immutable: a stream may hold it while the next one is made. */
export type Snapshot = {
  readonly key: SnapshotKey;
  /** By type URL, then by name. A view keeps its identity from one snapshot to the next while nothing in it changes. */
  readonly types: ReadonlyMap<string, TypeView>;
};

/**
 * Builds the snapshot. Views that hold the same resources (by version) as those of `previous` are taken over as they
 * are, so that a stream finds out by one comparison that a type has nothing new for it.
 */
export function makeSnapshot(key: SnapshotKey, resources: readonly Resource[], previous?: Snapshot): Snapshot {
  const types = new Map<string, Map<string, Resource>>();
  for (const resource of resources) {
    let view = types.get(resource.typeUrl);
    if (view === undefined) {
      view = new Map();
      types.set(resource.typeUrl, view);
    }
    view.set(resource.name, resource);
  }
  const kept = new Map<string, TypeView>();
  for (const [typeUrl, view] of types) {
    const before = previous?.types.get(typeUrl);
    kept.set(typeUrl, before !== undefined && sameView(before, view) ? before : view);
  }
  const unchanged =
    previous !== undefined &&
    previous.types.size === kept.size &&
    [...kept].every(([typeUrl, view]) => previous.types.get(typeUrl) === view);
  return unchanged ? previous : { key, types: kept };
}

export function viewOf(snapshot: Snapshot, typeUrl: string): TypeView {
  return snapshot.types.get(typeUrl) ?? EMPTY;
}

/** References that point nowhere. A snapshot with one is never published: Envoy would answer requests with 503 or 404. */
export function danglingRefs(snapshot: Snapshot): readonly { readonly from: Resource; readonly to: ResourceRef }[] {
  const dangling: { from: Resource; to: ResourceRef }[] = [];
  for (const view of snapshot.types.values()) {
    for (const from of view.values()) {
      for (const to of from.needs) {
        if (!viewOf(snapshot, to.typeUrl).has(to.name)) dangling.push({ from, to });
      }
    }
  }
  return dangling;
}

function sameView(a: TypeView, b: TypeView): boolean {
  if (a.size !== b.size) return false;
  for (const [name, resource] of b) {
    if (a.get(name)?.version !== resource.version) return false;
  }
  return true;
}
