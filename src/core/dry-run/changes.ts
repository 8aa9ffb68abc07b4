import { LoadlineError } from '../../base/errors.ts';
import { contentHash } from '../../base/units/index.ts';
import { Compiler, type Plan } from '../control/index.ts';
import type { Snapshot, SnapshotKey } from '../snapshot/index.ts';
import { bounded } from './bounded.ts';
import type { Audience } from './receivers.ts';
import type { Bounded, SnapshotChange } from './report.ts';
import { snapshotChanges } from './snapshot-changes.ts';

/** Each is compiled twice; sidecars that share a host may have a key each. */
const MAX_AUDIENCES = 64;

/**
 * What each audience would be sent, audience by audience, so that the caller may do other work in between. Audiences that are
 * sent the same come as one; those that are sent nothing do not come at all.
 *
 * @param now compiles the candidate, and nothing else
 */
export function* changesFor(
  audiences: readonly Audience[],
  before: Plan | undefined,
  after: Plan,
  now: Compiler,
): Generator<undefined, Bounded<SnapshotChange>> {
  const old = new Compiler();
  const found = new Map<string, SnapshotChange>();
  const { items, more } = bounded(audiences, MAX_AUDIENCES);
  for (const { key, receiver } of items) {
    const to = compiled(now, after, key);
    // A group that the candidate no longer has is told nothing: its sidecars keep what they have.
    if (to === undefined) continue;
    yield;
    const from = before === undefined ? undefined : old.snapshot(before, key);
    yield;
    const resources = snapshotChanges(from, to);
    yield;
    if (resources.items.length === 0) continue;
    const id = contentHash(JSON.stringify(resources));
    const same = found.get(id);
    found.set(id, { receivers: [...(same?.receivers ?? []), receiver], resources });
  }
  return { items: [...found.values()], more };
}

/** Undefined also for what cannot be compiled: the verdict says why. */
function compiled(compiler: Compiler, plan: Plan, key: SnapshotKey): Snapshot | undefined {
  try {
    return compiler.snapshot(plan, key);
  } catch (error) {
    if (error instanceof LoadlineError) return undefined;
    throw error;
  }
}
