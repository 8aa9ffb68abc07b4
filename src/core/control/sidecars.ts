import type { NodePresence } from '../topology/index.ts';

/** A node that left stays a member this long: a reconnect or a restart of ours must not change anybody's shares. */
export const LEAVE_GRACE_MS = 30_000;

export type Sidecar = {
  readonly nodeId: string;
  readonly group: string;
  readonly envoyVersion: string;
  /** Where it says that it is; absent when it does not. */
  readonly zone?: string;
  readonly connected: boolean;
  /** When it connected or was last known connected. */
  readonly seenAtMs: number;
};

/** Sidecars by node id. */
export type Sidecars = Readonly<Record<string, Sidecar>>;

/** Applies what was heard since the last tick, and forgets who has been away for longer than the grace. */
export function stepSidecars(before: Sidecars, presence: readonly NodePresence[], nowMs: number): Sidecars {
  // A map, because a node chooses its own id, and `__proto__` is one.
  const after = new Map(Object.entries(before));
  for (const { nodeId, group, envoyVersion, zone, kind, atMs } of presence) {
    const who = { nodeId, group, envoyVersion, ...(zone === undefined ? {} : { zone }) };
    after.set(nodeId, { ...who, connected: kind === 'Connected', seenAtMs: atMs });
  }
  for (const { nodeId, connected, seenAtMs } of after.values()) {
    if (!connected && nowMs - seenAtMs > LEAVE_GRACE_MS) after.delete(nodeId);
  }
  return Object.fromEntries(after);
}

/** After a restart nobody is connected yet; everybody has the grace to come back. */
export function restoreSidecars(stored: Sidecars, nowMs: number): Sidecars {
  return Object.fromEntries(
    Object.values(stored).map((sidecar) => [sidecar.nodeId, { ...sidecar, connected: false, seenAtMs: nowMs }]),
  );
}

/** Node ids by group, sorted: what group limits are shared among. Every group of the policy is there, if only with nobody. */
export function membersByGroup(
  sidecars: Sidecars,
  groups: readonly { readonly name: string }[],
): Readonly<Record<string, readonly string[]>> {
  const members = new Map<string, string[]>(groups.map(({ name }) => [name, []]));
  const sorted = Object.values(sidecars).sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  for (const { nodeId, group } of sorted) {
    const list = members.get(group) ?? [];
    list.push(nodeId);
    members.set(group, list);
  }
  return Object.fromEntries(members);
}

/**
 * Zones of the sidecars that may send to a service, by node id. Who takes only endpoints is in no group here, and is given no
 * assignment of its zone.
 */
export function sendersTo(
  service: string,
  groups: readonly { readonly name: string; readonly modelServices: readonly string[] }[],
  sidecars: Sidecars,
): ReadonlyMap<string, string> {
  const reaching = new Set(
    groups.filter(({ modelServices }) => modelServices.includes(service)).map(({ name }) => name),
  );
  const senders = new Map<string, string>();
  for (const { nodeId, group, zone = '' } of Object.values(sidecars))
    if (reaching.has(group)) senders.set(nodeId, zone);
  return senders;
}
