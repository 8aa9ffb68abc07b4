import type { NodePresence } from '../topology/index.ts';

/** A node that left stays a member this long: a reconnect or a restart of ours must not change anybody's shares. */
export const LEAVE_GRACE_MS = 30_000;

export type Sidecar = {
  readonly nodeId: string;
  readonly group: string;
  readonly envoyVersion: string;
  readonly connected: boolean;
  /** When it connected or was last known connected. */
  readonly seenAtMs: number;
};

/** Sidecars by node id. */
export type Sidecars = Readonly<Record<string, Sidecar>>;

/** Applies what was heard since the last tick, and forgets who has been away for longer than the grace. */
export function stepSidecars(before: Sidecars, presence: readonly NodePresence[], nowMs: number): Sidecars {
  const after: Record<string, Sidecar> = { ...before };
  for (const { nodeId, group, envoyVersion, kind, atMs } of presence) {
    after[nodeId] = { nodeId, group, envoyVersion, connected: kind === 'Connected', seenAtMs: atMs };
  }
  for (const sidecar of Object.values(after)) {
    if (!sidecar.connected && nowMs - sidecar.seenAtMs > LEAVE_GRACE_MS) delete after[sidecar.nodeId];
  }
  return after;
}

/** After a restart nobody is connected yet; everybody has the grace to come back. */
export function restoreSidecars(stored: Sidecars, nowMs: number): Sidecars {
  return Object.fromEntries(
    Object.values(stored).map((sidecar) => [sidecar.nodeId, { ...sidecar, connected: false, seenAtMs: nowMs }]),
  );
}

/** Node ids by group, sorted: what group limits are shared among. */
export function membersByGroup(sidecars: Sidecars): Readonly<Record<string, readonly string[]>> {
  const members: Record<string, string[]> = {};
  for (const nodeId of Object.keys(sidecars).sort()) {
    const { group } = sidecars[nodeId] as Sidecar;
    const list = members[group] ?? [];
    list.push(nodeId);
    members[group] = list;
  }
  return members;
}
