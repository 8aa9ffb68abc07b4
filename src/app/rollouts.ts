import type { Issue } from '../base/units/index.ts';
import type { Refusal } from '../core/control/index.ts';
import type { Policy } from '../core/policy/index.ts';
import {
  type CanaryStanding,
  type Halt,
  type Member,
  type Rollout,
  type RolloutCause,
  startRollout,
  stepRollout,
  stepTraffic,
  type Traffic,
  trackOf,
} from '../core/rollout/index.ts';
import type { LoadReport } from '../core/topology/index.ts';
import type { NewEvent, RolloutView } from '../edge/observe/index.ts';
import type { Loaded } from './policy-keeper.ts';

/** A change that was tried and taken back. It is not tried again until it is another one, or somebody asks for it. */
export type Returned = { readonly cause: RolloutCause; readonly revision: string; readonly halt: Halt };

/** What is remembered over a restart. */
export type RolloutMemory = { readonly returned?: Returned };

/** The sidecars, as far as a rollout asks. */
export interface Fleet {
  members(group: string): readonly Member[];
  groupOf(nodeId: string): string | undefined;
  standings(nodeIds: readonly string[]): ReadonlyMap<string, CanaryStanding>;
}

export type RolloutsOptions = {
  readonly fleet: Fleet;
  readonly now: () => number;
  readonly happened: (event: NewEvent) => void;
  readonly ended: (cause: RolloutCause, outcome: 'passed' | 'returned' | 'superseded') => void;
  /** Hears how many canaries each group has; of none when nothing is tried. */
  readonly canaries: (byGroup: ReadonlyMap<string, number>) => void;
};

/** What became of a policy that is wanted. */
export type Offered =
  /** Everybody may have it: nothing stands yet, it stands already, or no group has canaries. */
  | 'InForce'
  | 'Trying'
  /** It was tried before, and taken back. */
  | 'Returned';

/**
 * Which policy is in force, and which one is tried. A change is given to the canaries of each group first; it is everybody's
 * when it has held there, and nobody's when it has not. What stands goes on being served to all others all the while.
 */
export class Rollouts {
  readonly #options: RolloutsOptions;
  #stable: Loaded | undefined;
  #candidate: Loaded | undefined;
  #running: Rollout | undefined;
  #returned: Returned | undefined;
  #traffic: Traffic = new Map();
  #last: RolloutView['last'];

  constructor(options: RolloutsOptions) {
    this.#options = options;
  }

  /** The policy in force: of everybody who tries nothing. */
  get stable(): Loaded | undefined {
    return this.#stable;
  }

  /** What canaries have, while a change is tried. */
  get candidate(): Loaded | undefined {
    return this.#candidate;
  }

  get memory(): RolloutMemory {
    return this.#returned === undefined ? {} : { returned: this.#returned };
  }

  /** Goes on after a restart with what was in force before. A change that was under way is offered, and tried anew. */
  restore(stable: Loaded | undefined, memory: RolloutMemory = {}): void {
    this.#stable = stable;
    this.#returned = memory.returned;
  }

  /** Takes in which policy is wanted. One that replaces another that is tried is tried in its place. */
  offer(wanted: Loaded): Offered {
    const stable = this.#stable;
    const revision = wanted.policy.revision;
    if (stable === undefined || stable.policy.revision === revision) {
      this.#supersede();
      this.#returned = undefined;
      this.#stable = wanted;
      return 'InForce';
    }
    if (this.#candidate?.policy.revision === revision) {
      this.#candidate = wanted;
      return 'Trying';
    }
    if (this.#returned?.cause === 'Policy' && this.#returned.revision === revision) return 'Returned';
    this.#supersede();
    this.#returned = undefined;
    return this.#try('Policy', wanted, stable.policy);
  }

  /** Whether a node gets what is tried. */
  trackOf({ nodeId, group }: { readonly nodeId: string; readonly group: string }): 'Stable' | 'Canary' {
    return this.#running === undefined ? 'Stable' : trackOf(this.#running, group, nodeId);
  }

  /**
   * One turn, with the load reports since the last and what our own check finds in the candidate. After `Passed` the candidate
   * is in force; after `Halted` it is gone.
   */
  step(reports: readonly LoadReport[], refusals: readonly Refusal[]): 'Passed' | 'Halted' | undefined {
    const { fleet, now } = this.#options;
    const nowMs = now();
    this.#traffic = stepTraffic(this.#traffic, reports, nowMs, (nodeId) => fleet.groupOf(nodeId) !== undefined);
    const running = this.#running;
    if (running === undefined) return undefined;
    const [refused] = refusals;
    if (refused !== undefined) return this.#halted(running, ruleHalt(refused, nowMs));
    const canaries = running.groups.flatMap((group) => group.canaries.map(({ nodeId }) => nodeId));
    const step = stepRollout(running, {
      nowMs,
      standings: fleet.standings(canaries),
      reports,
      groupOf: (nodeId) => fleet.groupOf(nodeId),
      othersConnected: (group) => this.#othersConnected(running, group),
    });
    if (step.kind === 'Halted') return this.#halted(step.rollout, step.halt);
    if (step.kind === 'Passed') return this.#passed(step.rollout, 'it held on all canaries');
    this.#tellHold(running, step.rollout);
    this.#running = step.rollout;
    return undefined;
  }

  /** Everybody gets what is tried, now. */
  promote(reason: string, by: string): 'Passed' | undefined {
    return this.#running === undefined ? undefined : this.#passed(this.#running, `promoted by ${by}: ${reason}`);
  }

  /** Nobody has what is tried any more. */
  abort(reason: string, by: string): 'Halted' | undefined {
    const running = this.#running;
    if (running === undefined) return undefined;
    return this.#halted(running, { event: 'Operator', atMs: this.#options.now(), message: `${by}: ${reason}` });
  }

  /** Forgets that a change was taken back; whoever offers it again gets it tried. */
  forgetReturned(): boolean {
    const had = this.#returned !== undefined;
    this.#returned = undefined;
    return had;
  }

  /** Why the newest policy is not in force, as a problem of the policy; undefined when nothing was taken back. */
  problem(): Issue | undefined {
    if (this.#returned === undefined) return undefined;
    const { revision, halt } = this.#returned;
    const message = `revision ${revision} was taken back: ${haltWords(halt)}`;
    const position = positionOf(halt.origin);
    const hint = 'change it and try again, or retry it as it is: loadline rollout retry';
    return { code: 'ROLLOUT_RETURNED', path: '', message, hint, ...(position === undefined ? {} : { position }) };
  }

  view(): RolloutView {
    const running = this.#running;
    return {
      running:
        running === undefined
          ? null
          : {
              cause: running.cause,
              from: running.from,
              to: running.to,
              startedAtMs: running.startedAtMs,
              groups: running.groups.map(({ group, strategy, canaries, heldSinceMs }) => ({
                group,
                sidecars: this.#options.fleet.members(group).length,
                holdMs: strategy?.holdMs ?? null,
                heldSinceMs: heldSinceMs ?? null,
                canaries: canaries.map(({ nodeId, standing, sinceMs }) => ({ nodeId, standing, sinceMs })),
              })),
            },
      last: this.#last,
    };
  }

  #try(cause: RolloutCause, wanted: Loaded, from: Policy): 'InForce' | 'Trying' {
    const { fleet, now } = this.#options;
    const start = { members: (group: string) => fleet.members(group), traffic: this.#traffic, nowMs: now() };
    const rollout = startRollout(cause, from, wanted.policy, start);
    if (rollout === undefined) {
      this.#stable = wanted;
      return 'InForce';
    }
    this.#candidate = wanted;
    this.#running = rollout;
    this.#options.canaries(new Map(rollout.groups.map(({ group, canaries }) => [group, canaries.length])));
    const canaries = rollout.groups.flatMap((group) => group.canaries.map(({ nodeId }) => nodeId));
    this.#tell(
      rollout,
      'RolloutStarted',
      `revision ${rollout.to} goes to ${canaries.length} canaries first: ${listed(canaries)}`,
    );
    return 'Trying';
  }

  #passed(rollout: Rollout, why: string): 'Passed' {
    this.#stable = this.#candidate;
    this.#end(rollout, 'Passed', why);
    this.#tell(rollout, 'RolloutPassed', `revision ${rollout.to} goes to everybody: ${why}`);
    this.#options.ended(rollout.cause, 'passed');
    return 'Passed';
  }

  #halted(rollout: Rollout, halt: Halt): 'Halted' {
    this.#returned = { cause: rollout.cause, revision: rollout.to, halt };
    this.#end(rollout, 'Returned', haltWords(halt), halt);
    this.#tell(rollout, 'RolloutReturned', `revision ${rollout.to} is taken back: ${haltWords(halt)}`, halt);
    this.#options.ended(rollout.cause, 'returned');
    return 'Halted';
  }

  #supersede(): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#end(running, 'Superseded', 'another change took its place');
    this.#options.ended(running.cause, 'superseded');
  }

  #end(rollout: Rollout, outcome: 'Passed' | 'Returned' | 'Superseded', why: string, halt?: Halt): void {
    const { cause, from, to, startedAtMs } = rollout;
    const place = halt?.origin === undefined ? {} : { origin: halt.origin };
    const node = halt?.node === undefined ? {} : { node: halt.node };
    this.#last = { cause, from, to, startedAtMs, endedAtMs: this.#options.now(), outcome, why, ...node, ...place };
    this.#running = undefined;
    this.#candidate = undefined;
    this.#options.canaries(new Map());
  }

  #tellHold(before: Rollout, after: Rollout): void {
    for (const [at, { group, heldSinceMs, strategy }] of after.groups.entries()) {
      if (heldSinceMs === undefined || before.groups[at]?.heldSinceMs !== undefined) continue;
      const holdSec = (strategy?.holdMs ?? 0) / 1000;
      this.#tell(
        after,
        'RolloutHolds',
        `all canaries of ${group} have taken revision ${after.to}; it holds for ${holdSec} s`,
      );
    }
  }

  #tell({ from, to, cause }: Rollout, kind: string, message: string, halt?: Halt): void {
    const fields = { cause, from, to, event: halt?.event, node: halt?.node, group: halt?.group, origin: halt?.origin };
    const said = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
    this.#options.happened({
      atMs: this.#options.now(),
      kind,
      subject: to,
      message,
      fields: said as NewEvent['fields'] & object,
    });
  }

  #othersConnected({ groups }: Rollout, group: string): number | undefined {
    const canaries = groups.find((one) => one.group === group)?.canaries.map(({ nodeId }) => nodeId) ?? [];
    const others = this.#options.fleet.members(group).filter(({ nodeId }) => !canaries.includes(nodeId));
    if (others.length === 0) return undefined;
    return others.filter(({ connected }) => connected).length / others.length;
  }
}

function ruleHalt({ resource, reason }: Refusal, atMs: number): Halt {
  const { origin, name, typeUrl } = resource;
  const message = `${typeUrl.slice(typeUrl.lastIndexOf('.') + 1)} ${name} breaks a rule of Envoy: ${reason}`;
  const place = origin === undefined ? {} : { origin: `${origin.file}:${origin.line}:${origin.column}` };
  return { event: 'Rule', atMs, message, ...place };
}

function haltWords({ event, node, message, origin }: Halt): string {
  const where = origin === undefined ? '' : ` (${origin})`;
  return `${event}${node === undefined ? '' : ` on ${node}`}: ${message.slice(-600)}${where}`;
}

/** `chat.yaml:12:3`; a file name may hold colons. */
function positionOf(origin: string | undefined): Issue['position'] {
  const match = /^(.*):(\d+):(\d+)$/s.exec(origin ?? '');
  return match === null ? undefined : { file: match[1] as string, line: Number(match[2]), column: Number(match[3]) };
}

function listed(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
}
