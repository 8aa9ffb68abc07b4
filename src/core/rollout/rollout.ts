import type { HaltEvent, Policy, RolloutStrategy } from '../policy/index.ts';
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
  readonly traffic: GroupTraffic;
  /** When the last of the canaries had taken it; the hold begins then. */
  readonly heldSinceMs?: number;
};

/** One change on its way through the sidecars. Plain data. */
export type Rollout = {
  readonly cause: RolloutCause;
  /** Policy revision that all others keep, and the one that canaries get. */
  readonly from: string;
  readonly to: string;
  readonly startedAtMs: number;
  readonly groups: readonly GroupRollout[];
};

export type RolloutStart = {
  /** Sidecars of a group. */
  readonly members: (group: string) => readonly Member[];
  /** What they did until now. */
  readonly traffic: Traffic;
  readonly nowMs: number;
};

/**
 * Begins a rollout. A group follows the strategy that stands; one that the change itself takes away or brings counts where
 * there is none yet, so that no change can talk itself out of being tried.
 * @returns undefined when no group has canaries: then everybody may have it at once
 */
export function startRollout(
  cause: RolloutCause,
  from: Policy,
  to: Policy,
  { members, traffic, nowMs }: RolloutStart,
): Rollout | undefined {
  const groups = from.groups.map(({ name, rollout }): GroupRollout => {
    const strategy = rollout ?? to.groups.find((group) => group.name === name)?.rollout;
    const chosen = strategy === undefined ? [] : chooseCanaries(members(name), strategy, to.revision);
    const canaries = chosen.map((nodeId): Canary => ({ nodeId, standing: 'Waiting', sinceMs: nowMs, losses: 0 }));
    return { group: name, strategy, canaries, traffic: trafficOf(chosen, members(name), traffic, nowMs) };
  });
  if (groups.every(({ canaries }) => canaries.length === 0)) return undefined;
  return { cause, from: from.revision, to: to.revision, startedAtMs: nowMs, groups };
}

/** Whether a sidecar gets what is tried, or what stands. */
export function trackOf(rollout: Rollout, group: string, nodeId: string): 'Stable' | 'Canary' {
  const own = rollout.groups.find((one) => one.group === group);
  if (own === undefined) return 'Stable';
  if (own.strategy === undefined) return 'Canary';
  return own.canaries.some((canary) => canary.nodeId === nodeId) ? 'Canary' : 'Stable';
}

function trafficOf(
  canaries: readonly string[],
  members: readonly Member[],
  traffic: Traffic,
  nowMs: number,
): GroupTraffic {
  const past = (nodeId: string): NodeTraffic => fadedTo(traffic.get(nodeId), nowMs);
  let others: NodeTraffic = fadedTo(undefined, nowMs);
  for (const { nodeId } of members) {
    if (canaries.includes(nodeId)) continue;
    const one = past(nodeId);
    // All of them over the same time.
    others = { ...others, ...plus(others, one), seconds: Math.max(others.seconds, one.seconds) };
  }
  return {
    canaries: {},
    settled: {},
    others: NO_COUNTS,
    before: { canaries: Object.fromEntries(canaries.map((nodeId) => [nodeId, past(nodeId)])), others },
  };
}
