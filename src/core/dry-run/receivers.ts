import type { Policy } from '../policy/index.ts';
import { releaseBand, type SnapshotKey, snapshotKeyText } from '../snapshot/index.ts';
import { bounded } from './bounded.ts';
import type { Receiver } from './report.ts';

/** A sidecar that is connected, and what decides which bytes it gets. */
export type ConnectedNode = { readonly id: string; readonly key: SnapshotKey };

/** Envoys that are sent the same changes, with the key of one of them. */
export type Audience = { readonly key: SnapshotKey; readonly receiver: Receiver };

const MAX_IDS = 10;
/** What this build compiles for an Envoy that is newer than itself. */
export const NEWEST_RELEASE: string = releaseBand('2.0');

/**
 * Who is connected, by what they get; and each group of the policies that nobody of is connected, as its first sidecar of the
 * newest release would be: a change that meets nobody now has an effect all the same.
 */
export function audiencesOf(nodes: readonly ConnectedNode[], policies: readonly Policy[]): readonly Audience[] {
  const byKey = new Map<string, { readonly key: SnapshotKey; readonly ids: Set<string> }>();
  for (const { id, key: whole } of nodes) {
    const key = partsOf(whole);
    const text = snapshotKeyText({ ...key, listenerOverrides: namesOnly(key.listenerOverrides) });
    const audience = byKey.get(text) ?? { key, ids: new Set<string>() };
    audience.ids.add(id);
    byKey.set(text, audience);
  }
  const met = new Set(nodes.map(({ key }) => key.group));
  for (const { name } of policies.flatMap(({ groups }) => groups)) {
    const key = { group: name, release: NEWEST_RELEASE, listenerOverrides: {} };
    if (!met.has(name)) byKey.set(snapshotKeyText(key), { key, ids: new Set() });
  }
  return [...byKey]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { key, ids }]) => ({ key, receiver: receiverOf(key, [...ids].sort()) }));
}

/** A thousand sidecars on one host have a thousand addresses, and all are sent the same changes. */
function namesOnly(overrides: SnapshotKey['listenerOverrides']): SnapshotKey['listenerOverrides'] {
  return Object.fromEntries(Object.keys(overrides).map((name) => [name, '']));
}

/** Without what a rollout adds: the question is what they would get in the end. */
function partsOf({ group, release, listenerOverrides, endpointsOnly }: SnapshotKey): SnapshotKey {
  return { group, release, listenerOverrides, ...(endpointsOnly === true ? { endpointsOnly } : {}) };
}

function receiverOf(key: SnapshotKey, ids: readonly string[]): Receiver {
  const { group, release, endpointsOnly = false } = key;
  return {
    group,
    release,
    ownListeners: Object.keys(key.listenerOverrides).sort(),
    endpointsOnly,
    nodeCount: ids.length,
    nodes: bounded(ids, MAX_IDS).items,
  };
}
