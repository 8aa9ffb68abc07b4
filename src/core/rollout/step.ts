import type { HaltEvent } from '../policy/index.ts';
import type { LoadReport } from '../topology/index.ts';
import { burning, type GroupTraffic, SETTLE_MS } from './burn.ts';
import type { Canary, CanaryStanding, Member } from './canaries.ts';
import { type GroupRollout, type Halt, type Rollout, type Trial, withCanaries } from './rollout.ts';
import { countsOf, NO_COUNTS, plus, type Traffic } from './traffic.ts';

/** What a tick knows of a running rollout. */
export type RolloutInput = {
  readonly nowMs: number;
  /** Of canaries, some of which this turn may have chosen; one that is missing is absent. */
  readonly standings: (nodeIds: readonly string[]) => ReadonlyMap<string, CanaryStanding>;
  /** Load reports since the last tick. */
  readonly reports: readonly LoadReport[];
  /** The group of a node; undefined for a stranger. */
  readonly groupOf: (nodeId: string) => string | undefined;
  /** Sidecars of a group. */
  readonly members: (group: string) => readonly Member[];
  /** What they did until now. */
  readonly traffic: Traffic;
};

type Seen = Omit<RolloutInput, 'standings'> & { readonly standings: ReadonlyMap<string, CanaryStanding> };

export type RolloutStep<T extends Trial = Rollout> =
  | { readonly kind: 'Running'; readonly rollout: T }
  /** Every group has held it for as long as it wanted. */
  | { readonly kind: 'Passed'; readonly rollout: T }
  | { readonly kind: 'Halted'; readonly rollout: T; readonly halt: Halt };

/** An Envoy that reconnects needs 2 s at most (its bootstrap); one that crashed is back in about as long. */
const LOST_AFTER_MS = 10_000;
/** Each one may be a restart that somebody wanted. */
const LOST_AT_LOSSES = 3;
/** Where more than this of the others is away too, it is not the change that took the canary away. */
const OTHERS_AWAY_RATIO = 0.5;
/** For clusters to warm and long answers to come; beyond it something does not let the change in. */
const TAKES_AT_MOST_MS = 60_000;

/**
 * One turn of a rollout: sees how the canaries stand, and decides whether it goes on, is over, or goes back. What the strategy
 * does not halt on delays a group by a minute at most.
 */
export function stepRollout<T extends Trial>(before: T, world: RolloutInput): RolloutStep<T> {
  const { nowMs } = world;
  const chosen = before.groups.map((group) => chooseIn(group, before, world));
  const standings = world.standings(chosen.flatMap(({ ids }) => [...ids]));
  const input: Seen = { ...world, standings };
  const groups = chosen.map((group) => stepGroup(group, before, input));
  const rollout: T = { ...before, atMs: nowMs, groups };
  for (const group of groups) {
    const halt = haltOf(group, before, input);
    if (halt !== undefined) return { kind: 'Halted', rollout, halt: { ...halt, atMs: nowMs, group: group.group } };
  }
  return { kind: groups.every((group) => isOver(group, nowMs)) ? 'Passed' : 'Running', rollout };
}

/** Where nobody was connected when it began: as soon as most are back, or some after a while; none when all are forgotten. */
function chooseIn(
  group: GroupRollout,
  { startedAtMs, to }: Trial,
  { nowMs, members, traffic }: RolloutInput,
): GroupRollout {
  const { strategy } = group;
  if (!group.open || strategy === undefined) return group;
  const there = members(group.group);
  const connected = there.filter((one) => one.connected).length;
  if (there.length === 0) return { ...group, open: false };
  const enough = connected * 2 >= there.length || nowMs - startedAtMs >= LOST_AFTER_MS;
  return connected > 0 && enough ? withCanaries(group, strategy, to, { members, traffic, nowMs }) : group;
}

function isOver({ canaries, strategy, open, heldSinceMs }: GroupRollout, nowMs: number): boolean {
  if (open) return false;
  if (canaries.length === 0 || strategy === undefined) return true;
  const held = heldSinceMs !== undefined && nowMs - heldSinceMs >= strategy.holdMs;
  return held && canaries.every((canary) => hasHeld(canary, strategy.haltOn, nowMs));
}

/** One that is away, or refuses, at the end has not held it; unless that ends nothing here, and lasts. */
function hasHeld({ standing, sinceMs }: Canary, haltOn: readonly HaltEvent[], nowMs: number): boolean {
  if (standing === 'Synced') return true;
  const event = standing === 'Refused' ? 'Nack' : 'CanaryLost';
  return !haltOn.includes(event) && nowMs - sinceMs >= TAKES_AT_MOST_MS;
}

function stepGroup(before: GroupRollout, { atMs }: Trial, input: Seen): GroupRollout {
  const { nowMs, standings } = input;
  if (before.canaries.length === 0) return before;
  const elapsedMs = othersAreAway(before, input.members(before.group)) ? 0 : nowMs - atMs;
  const canaries = before.canaries.map((canary) => stepCanary(canary, standings.get(canary.nodeId), nowMs, elapsedMs));
  const held = canaries.every(({ syncedAtMs }) => syncedAtMs !== undefined);
  const { heldSinceMs = held ? nowMs : undefined } = before;
  return {
    ...before,
    canaries,
    traffic: stepGroupTraffic(before, input),
    ...(heldSinceMs === undefined ? {} : { heldSinceMs }),
  };
}

/** Then it is not the change that took a canary away. */
function othersAreAway({ ids }: GroupRollout, members: readonly Member[]): boolean {
  const others = members.filter(({ nodeId }) => !ids.has(nodeId));
  const away = others.filter(({ connected }) => !connected).length;
  return others.length > 0 && away / others.length > OTHERS_AWAY_RATIO;
}

/** @param elapsedMs of time that counts against one that is away */
function stepCanary(before: Canary, now: CanaryStanding | undefined, nowMs: number, elapsedMs: number): Canary {
  const standing = now?.kind ?? 'Absent';
  // Weights go out all the time, and for a moment are not answered: who had everything once has had it.
  const kept = standing === 'Waiting' && before.standing === 'Synced' ? 'Synced' : standing;
  const changed = kept !== before.standing;
  return {
    ...before,
    standing: kept,
    sinceMs: changed ? nowMs : before.sinceMs,
    awayMs: kept === 'Absent' ? before.awayMs + elapsedMs : 0,
    losses: before.losses + (changed && kept === 'Absent' && elapsedMs > 0 ? 1 : 0),
    ...(before.syncedAtMs === undefined && kept === 'Synced' ? { syncedAtMs: nowMs } : {}),
  };
}

function stepGroupTraffic({ group, canaries, traffic }: GroupRollout, input: Seen): GroupTraffic {
  const counts = new Map(Object.entries(traffic.canaries));
  const settled = new Map(Object.entries(traffic.settled));
  const syncedAtMs = new Map(canaries.map((canary) => [canary.nodeId, canary.syncedAtMs]));
  let { others } = traffic;
  for (const report of input.reports) {
    const { nodeId } = report;
    if (syncedAtMs.has(nodeId)) {
      const seen = countsOf(report);
      counts.set(nodeId, plus(counts.get(nodeId) ?? NO_COUNTS, seen));
      const fromMs = (syncedAtMs.get(nodeId) ?? Number.POSITIVE_INFINITY) + SETTLE_MS;
      if (report.receivedAtMs >= fromMs) settled.set(nodeId, (settled.get(nodeId) ?? 0) + seen.requests);
    } else if (input.groupOf(nodeId) === group) others = plus(others, countsOf(report));
  }
  return { ...traffic, canaries: Object.fromEntries(counts), settled: Object.fromEntries(settled), others };
}

function haltOf(
  group: GroupRollout,
  { passesRatio = 1 }: Trial,
  input: Seen,
): Omit<Halt, 'atMs' | 'group'> | undefined {
  const { strategy, canaries, traffic } = group;
  if (strategy === undefined || canaries.length === 0) return undefined;
  const { haltOn, holdMs } = strategy;
  const { nowMs, standings } = input;
  const elapsedSec = (nowMs - group.sinceMs) / 1000;
  const allAway = othersAreAway(group, input.members(group.group));
  for (const canary of canaries) {
    const { nodeId: node, losses, awayMs } = canary;
    const standing = standings.get(node);
    if (standing?.kind === 'Refused' && haltOn.includes('Nack')) {
      const { type, resource, message, origin } = standing;
      const place = origin === undefined ? {} : { origin };
      return { event: 'Nack', node, message: `${type} ${resource}: ${message}`, ...place };
    }
    if (haltOn.includes('CanaryLost') && !allAway) {
      if (awayMs >= LOST_AFTER_MS) return { event: 'CanaryLost', node, message: `gone for ${seconds(awayMs)}` };
      if (losses >= LOST_AT_LOSSES) return { event: 'CanaryLost', node, message: `went away ${losses} times` };
    }
    const settledSec = canary.syncedAtMs === undefined ? 0 : (nowMs - canary.syncedAtMs - SETTLE_MS) / 1000;
    const burn = haltOn.includes('ErrorBurn')
      ? burning(node, traffic, { elapsedSec, settledSec, passesRatio })
      : undefined;
    if (burn !== undefined) return { event: 'ErrorBurn', node, message: burn };
    if (canary.syncedAtMs === undefined && !allAway && elapsedSec * 1000 > holdMs + TAKES_AT_MOST_MS) {
      const about = standing?.kind === 'Waiting' ? `: ${standing.about}` : '';
      return { event: 'Timeout', node, message: `has not taken it after ${Math.round(elapsedSec)} s${about}` };
    }
  }
  return undefined;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
