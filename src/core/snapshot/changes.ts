import type { Resource } from '../resources/index.ts';
import type { TypeView } from './snapshot.ts';

/** What became of one view in the next. */
export type ViewChanges = { readonly upserts: readonly Resource[]; readonly removed: readonly string[] };

const known = new WeakMap<TypeView, { readonly to: TypeView; readonly changes: ViewChanges }>();

/**
 * The difference of two views, computed once however many streams ask: a push to 5,000 streams compares the sets once and
 * then only looks at what changed.
 */
export function changesBetween(from: TypeView, to: TypeView): ViewChanges {
  const before = known.get(from);
  if (before?.to === to) return before.changes;
  const upserts: Resource[] = [];
  const removed: string[] = [];
  for (const [name, resource] of to) if (from.get(name)?.version !== resource.version) upserts.push(resource);
  for (const name of from.keys()) if (!to.has(name)) removed.push(name);
  const changes = { upserts, removed };
  known.set(from, { to, changes });
  return changes;
}
