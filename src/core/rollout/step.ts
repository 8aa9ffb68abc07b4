import type { LoadReport } from '../topology/index.ts';
import { burning, type GroupTraffic, SETTLE_MS } from './burn.ts';
import type { Canary, CanaryStanding } from './canaries.ts';
import type { GroupRollout, Halt, Rollout } from './rollout.ts';
import { countsOf, NO_COUNTS, plus } from './traffic.ts';

/** What a tick knows of a running rollout. */
export type RolloutInput = {
  readonly nowMs: number;
  /** Of the canaries, by node id; one that is missing is absent. */
  readonly standings: ReadonlyMap<string, CanaryStanding>;
  /** Load reports since the last tick. */
  readonly reports: readonly LoadReport[];
  /** The group of a node; undefined for a stranger. */
  readonly groupOf: (nodeId: string) => string | undefined;
  /** Of a group's sidecars without its canaries, 0..1; undefined when there are no others. */
  readonly othersConnected: (group: string) => number | undefined;
};

export type RolloutStep =
  | { readonly kind: 'Running'; readonly rollout: Rollout }
  /** Every group has held it for as long as it wanted. */
  | { readonly kind: 'Passed'; readonly rollout: Rollout }
  | { readonly kind: 'Halted'; readonly rollout: Rollout; readonly halt: Halt };

/** An Envoy that reconnects needs 2 s at most (its bootstrap); one that crashed is back in about as long. */
const LOST_AFTER_MS = 10_000;
/** Each one may be a restart that somebody wanted. */
const LOST_AT_LOSSES = 3;
/** Where more than this of the others is away too, it is not the change that took the canary away. */
const OTHERS_AWAY_RATIO = 0.5;
/** For clusters to warm and long answers to come; beyond it something does not let the change in. */
const TAKES_AT_MOST_MS = 60_000;

/**
 * One turn of a rollout: sees how the canaries stand, and decides whether it goes on, is over, or goes back. An event that the
 * strategy does not halt on keeps a group from passing by itself no longer than it lasts.
 */
export function stepRollout(before: Rollout, input: RolloutInput): RolloutStep {
  const { nowMs } = input;
  const elapsedSec = (nowMs - before.startedAtMs) / 1000;
  const groups = before.groups.map((group) => stepGroup(group, input));
  const rollout: Rollout = { ...before, groups };
  for (const group of groups) {
    const halt = haltOf(group, input, elapsedSec);
    if (halt !== undefined) return { kind: 'Halted', rollout, halt: { ...halt, atMs: nowMs, group: group.group } };
  }
  const over = groups.every(
    ({ canaries, strategy, heldSinceMs }) =>
      canaries.length === 0 || (heldSinceMs !== undefined && nowMs - heldSinceMs >= (strategy?.holdMs ?? 0)),
  );
  return { kind: over ? 'Passed' : 'Running', rollout };
}

function stepGroup(before: GroupRollout, input: RolloutInput): GroupRollout {
  const { nowMs, standings } = input;
  const canaries = before.canaries.map((canary) => stepCanary(canary, standings.get(canary.nodeId), nowMs));
  const held = canaries.length > 0 && canaries.every(({ syncedAtMs }) => syncedAtMs !== undefined);
  const { heldSinceMs = held ? nowMs : undefined } = before;
  return {
    ...before,
    canaries,
    traffic: stepGroupTraffic(before, input),
    ...(heldSinceMs === undefined ? {} : { heldSinceMs }),
  };
}

function stepCanary(before: Canary, now: CanaryStanding | undefined, nowMs: number): Canary {
  const standing = now?.kind ?? 'Absent';
  // Weights go out all the time, and for a moment are not answered: who had everything once has had it.
  const kept = standing === 'Waiting' && before.standing === 'Synced' ? 'Synced' : standing;
  const changed = kept !== before.standing;
  return {
    ...before,
    standing: kept,
    sinceMs: changed ? nowMs : before.sinceMs,
    losses: before.losses + (changed && kept === 'Absent' ? 1 : 0),
    ...(before.syncedAtMs === undefined && kept === 'Synced' ? { syncedAtMs: nowMs } : {}),
  };
}

function stepGroupTraffic({ group, canaries, traffic }: GroupRollout, input: RolloutInput): GroupTraffic {
  if (canaries.length === 0) return traffic;
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
  input: RolloutInput,
  elapsedSec: number,
): Omit<Halt, 'atMs' | 'group'> | undefined {
  const { strategy, canaries, traffic } = group;
  if (strategy === undefined) return undefined;
  const { haltOn, holdMs } = strategy;
  const { nowMs, standings } = input;
  const connected = input.othersConnected(group.group);
  const allAway = connected !== undefined && 1 - connected > OTHERS_AWAY_RATIO;
  for (const canary of canaries) {
    const { nodeId: node, losses } = canary;
    const standing = standings.get(node);
    if (standing?.kind === 'Refused' && haltOn.includes('Nack')) {
      const { type, resource, message, origin } = standing;
      const place = origin === undefined ? {} : { origin };
      return { event: 'Nack', node, message: `${type} ${resource}: ${message}`, ...place };
    }
    if (haltOn.includes('CanaryLost') && !allAway) {
      const awayMs = canary.standing === 'Absent' ? nowMs - canary.sinceMs : 0;
      if (awayMs >= LOST_AFTER_MS) return { event: 'CanaryLost', node, message: `gone for ${seconds(awayMs)}` };
      if (losses >= LOST_AT_LOSSES) return { event: 'CanaryLost', node, message: `went away ${losses} times` };
    }
    const settledSec = canary.syncedAtMs === undefined ? 0 : (nowMs - canary.syncedAtMs - SETTLE_MS) / 1000;
    const burn = haltOn.includes('ErrorBurn') ? burning(node, traffic, { elapsedSec, settledSec }) : undefined;
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
