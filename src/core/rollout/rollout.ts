import { groupRevision, type HaltEvent, type Policy, type RolloutStrategy } from '../policy/index.ts';
import type { GroupTraffic } from './burn.ts';
import { type Canary, chooseCanaries, type Member } from './canaries.ts';
import { fadedTo, NO_COUNTS, type NodeTraffic, plus, type Traffic } from './traffic.ts';

/** What is new: the policy, or the release of Loadline that compiles the same policy to other bytes. */
export type RolloutCause = 'Policy' | 'Release';

/** Why a rollout ended before everybody had the change. */
export type Halt = {
  /** `Rule`: our own check refused it before anybody had it. `Timeout`: canaries did not take it. `Operator`: by hand. */
  readonly event: HaltEvent | 'Rule' | 'Timeout' | 'Operator';
  readonly atMs: number;
  /** In words, with numbers. */
  readonly message: string;
  readonly group?: string;
  readonly node?: string;
  /** `chat.yaml:12:3`: the line of the policy that is at fault, where it is known. */
  readonly origin?: string;
};

export type GroupRollout = {
  readonly group: string;
  /** undefined: all of the group get the change at once. */
  readonly strategy: RolloutStrategy | undefined;
  readonly canaries: readonly Canary[];
  /** Their ids. */
  readonly ids: ReadonlySet<string>;
  /** Nobody of the group is connected yet, so that canaries are still to be chosen: after a restart all are on their way back. */
  readonly open: boolean;
  /** When its canaries were chosen. */
  readonly sinceMs: number;
  readonly traffic: GroupTraffic;
  /** When the last of the canaries had taken it; the hold begins then. */
  readonly heldSinceMs?: number;
};

/** One change on its way through the sidecars: of the policy, or what is done by hand. */
export type Trial = {
  /** Policy revision that all others keep, and what canaries get: another one, or the id of an operation. */
  readonly from: string;
  readonly to: string;
  readonly startedAtMs: number;
  /** Of the last turn. */
  readonly atMs: number;
  readonly groups: readonly GroupRollout[];
  /** Part of the requests that still reach servers where the change does what it is meant to, 0..1; absent: all. */
  readonly passesRatio?: number;
};

/** A change of policy, or of the release that compiles it. */
export type Rollout = Trial & { readonly cause: RolloutCause };

export type RolloutStart = {
  /** Sidecars of a group. */
  readonly members: (group: string) => readonly Member[];
  /** What they did until now. */
  readonly traffic: Traffic;
  readonly nowMs: number;
};

const NONE: ReadonlySet<string> = new Set();

/**
 * Begins a rollout. A group follows the strategy that stands; one that the change itself takes away or brings counts where
 * there is none yet, so that no change can talk itself out of being tried. A group that the change removes has nothing to try, and
 * one that it leaves as it is has none who could be blamed: whoever goes away there does not go because of it.
 * @param recompiled groups whose sidecars get other bytes of the same policy by this release
 * @returns undefined when no group has canaries: then everybody may have it at once
 */
export function startRollout(
  cause: RolloutCause,
  from: Policy,
  to: Policy,
  start: RolloutStart,
  recompiled: ReadonlySet<string> = NONE,
): Rollout | undefined {
  const { members, nowMs } = start;
  const groups = from.groups.flatMap(({ name, rollout }): readonly GroupRollout[] => {
    const coming = to.groups.find((group) => group.name === name);
    if (coming === undefined) return [];
    const isChanged = recompiled.has(name) || groupRevision(from, name) !== groupRevision(to, name);
    return [startGroup(name, rollout ?? coming.rollout, isChanged ? members(name) : [], to.revision, start)];
  });
  if (groups.every(hasNobody)) return undefined;
  return { cause, from: from.revision, to: to.revision, startedAtMs: nowMs, atMs: nowMs, groups };
}

/**
 * Begins the trial of something that is no policy, in the groups that it reaches.
 * @param id what canaries are chosen by, as they are by a revision
 * @returns undefined when none of them has canaries: then everybody may have it at once
 */
export function startTrial(
  id: string,
  { revision, groups: all }: Policy,
  reaches: (group: Policy['groups'][number]) => boolean,
  start: RolloutStart,
): Trial | undefined {
  const groups = all
    .filter(reaches)
    .map(({ name, rollout }) => startGroup(name, rollout, start.members(name), id, start));
  if (groups.every(hasNobody)) return undefined;
  return { from: revision, to: id, startedAtMs: start.nowMs, atMs: start.nowMs, groups };
}

/** @param there those of its sidecars that could be canaries */
function startGroup(
  name: string,
  strategy: RolloutStrategy | undefined,
  there: readonly Member[],
  revision: string,
  start: RolloutStart,
): GroupRollout {
  const open = strategy !== undefined && there.length > 0;
  const group = { group: name, strategy, open, ...chosen([], [], start) };
  if (strategy === undefined || !there.some(({ connected }) => connected)) return group;
  return withCanaries(group, strategy, revision, start);
}

function hasNobody({ canaries, open }: GroupRollout): boolean {
  return canaries.length === 0 && !open;
}

/** Chooses them among those that are there now. */
export function withCanaries(
  group: GroupRollout,
  strategy: RolloutStrategy,
  revision: string,
  start: RolloutStart,
): GroupRollout {
  const members = start.members(group.group);
  return { ...group, open: false, ...chosen(chooseCanaries(members, strategy, revision), members, start) };
}

function chosen(
  nodeIds: readonly string[],
  members: readonly Member[],
  { traffic, nowMs }: RolloutStart,
): Pick<GroupRollout, 'canaries' | 'ids' | 'sinceMs' | 'traffic'> {
  const ids = new Set(nodeIds);
  const canaries = nodeIds.map(
    (nodeId): Canary => ({ nodeId, standing: 'Waiting', sinceMs: nowMs, awayMs: 0, losses: 0 }),
  );
  return { canaries, ids, sinceMs: nowMs, traffic: trafficOf(ids, members, traffic, nowMs) };
}

/** Whether a sidecar gets what is tried, or what stands. */
export function trackOf(rollout: Trial, group: string, nodeId: string): 'Stable' | 'Canary' {
  const own = rollout.groups.find((one) => one.group === group);
  if (own === undefined) return 'Stable';
  return own.strategy === undefined || own.ids.has(nodeId) ? 'Canary' : 'Stable';
}

function trafficOf(
  canaries: ReadonlySet<string>,
  members: readonly Member[],
  traffic: Traffic,
  nowMs: number,
): GroupTraffic {
  const past = (nodeId: string): NodeTraffic => fadedTo(traffic.get(nodeId), nowMs);
  let others: NodeTraffic = fadedTo(undefined, nowMs);
  for (const { nodeId } of members) {
    if (canaries.has(nodeId)) continue;
    const one = past(nodeId);
    // All of them over the same time.
    others = { ...others, ...plus(others, one), seconds: Math.max(others.seconds, one.seconds) };
  }
  return {
    canaries: {},
    settled: {},
    others: NO_COUNTS,
    before: { canaries: Object.fromEntries([...canaries].map((nodeId) => [nodeId, past(nodeId)])), others },
  };
}
