import { type Operation, passesRatio } from '../core/operations/index.ts';
import type { Policy } from '../core/policy/index.ts';
import {
  haltWords,
  type RolloutStart,
  startTrial,
  stepRollout,
  type Traffic,
  type Trial,
  trackOf,
} from '../core/rollout/index.ts';
import type { LoadReport } from '../core/topology/index.ts';
import type { OperationTrialView } from '../edge/observe/index.ts';
import { groupViews } from './rollout-groups.ts';
import type { Fleet, Tracks } from './rollouts.ts';

export type OperationTrialOptions = {
  readonly fleet: Fleet;
  readonly tracks: Pick<Tracks, 'dropCanary'>;
  /** The policy in force, with the strategies of its groups. */
  readonly policy: () => Policy | undefined;
  /** What sidecars did of late. */
  readonly traffic: () => Traffic;
  readonly now: () => number;
};

export type TrialStep =
  | { readonly kind: 'Passed' }
  /** In words, with numbers. */
  | { readonly kind: 'Halted'; readonly why: string };

/**
 * Lets the canaries of the groups that a service is served to have an operation before all others, as `rollout` of the group says. Those
 * that are asked for meanwhile are tried together with it, from the start of a hold: who drains ten servers one by one waits once.
 */
export class OperationTrial {
  readonly #options: OperationTrialOptions;
  #trial: Trial | undefined;
  #moved = false;

  constructor(options: OperationTrialOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#trial !== undefined;
  }

  /** Those who have it first; empty: none does, or they are still to come back. */
  get canaries(): readonly string[] {
    return this.#trial?.groups.flatMap(({ ids }) => [...ids]) ?? [];
  }

  /** Whether anybody would try it before all others. */
  wouldTry(operation: Operation): boolean {
    return this.#started([operation]) !== undefined;
  }

  /**
   * Tries these, in place of what is tried.
   * @returns false when nobody can: then they are everybody's
   */
  start(operations: readonly Operation[]): boolean {
    this.#trial = this.#started(operations);
    return this.isRunning;
  }

  /** Everybody has the same again: with what was tried, or without. */
  end(): void {
    if (this.#trial === undefined) return;
    this.#trial = undefined;
    this.#moved = true;
    this.#options.tracks.dropCanary();
  }

  /** Whether somebody changed tracks since the last call. */
  takeMoved(): boolean {
    const moved = this.#moved;
    this.#moved = false;
    return moved;
  }

  /** For people; `null`: nothing is tried. */
  view(operations: readonly Operation[]): OperationTrialView | null {
    const trial = this.#trial;
    if (trial === undefined) return null;
    const { startedAtMs, groups } = trial;
    return { operations: operations.map(({ id }) => id), startedAtMs, groups: groupViews(groups, this.#options.fleet) };
  }

  /** How long the canaries of any group hold something of this service before all others have it, in ms. */
  holdMs(operation: Operation): number {
    return Math.max(0, ...(this.#started([operation])?.groups ?? []).map(({ strategy }) => strategy?.holdMs ?? 0));
  }

  trackOf({ nodeId, group }: { readonly nodeId: string; readonly group: string }): 'Stable' | 'Canary' {
    return this.#trial === undefined ? 'Stable' : trackOf(this.#trial, group, nodeId);
  }

  /** One turn, with the load reports since the last. It goes on until it is ended. */
  step(reports: readonly LoadReport[]): TrialStep | undefined {
    const { fleet, traffic, now } = this.#options;
    if (this.#trial === undefined) return undefined;
    const step = stepRollout(this.#trial, {
      nowMs: now(),
      standings: (nodeIds) => fleet.standings(nodeIds),
      reports,
      groupOf: (nodeId) => fleet.groupOf(nodeId),
      members: (group) => fleet.members(group),
      traffic: traffic(),
    });
    this.#trial = step.rollout;
    if (step.kind === 'Running') return undefined;
    return step.kind === 'Passed' ? { kind: 'Passed' } : { kind: 'Halted', why: haltWords(step.halt) };
  }

  #started(operations: readonly Operation[]): Trial | undefined {
    const { fleet, policy, traffic, now } = this.#options;
    const inForce = policy();
    const [first] = operations;
    if (inForce === undefined || first === undefined) return undefined;
    const start: RolloutStart = { members: (group) => fleet.members(group), traffic: traffic(), nowMs: now() };
    const reaches = ({ modelServices }: Policy['groups'][number]) =>
      operations.some(({ service }) => modelServices.includes(service));
    const trial = startTrial(first.id, inForce, reaches, start);
    return trial && { ...trial, passesRatio: passesRatio(operations) };
  }
}
