import { type Issue, scrubText } from '../base/units/index.ts';
import { compilesAlike, type KeptStructure, type Refusal } from '../core/control/index.ts';
import type { Policy } from '../core/policy/index.ts';
import {
  type CanaryStanding,
  type Halt,
  haltWords,
  listed,
  type Member,
  type Rollout,
  type RolloutCause,
  startRollout,
  stepRollout,
  stepTraffic,
  type Traffic,
  trackOf,
  whatOf,
} from '../core/rollout/index.ts';
import type { LoadReport } from '../core/topology/index.ts';
import type { RolloutAction } from '../edge/admin/index.ts';
import type { EventKind, NewEvent, RolloutView, RunningRolloutView } from '../edge/observe/index.ts';
import type { Loaded } from './policy-keeper.ts';
import { RevisionRecord, type RolloutMemory } from './revision-record.ts';
import { groupViews } from './rollout-groups.ts';

/** Of Envoy's text that is kept. */
const MAX_WORDS = 600;

/** The sidecars, as far as a rollout asks. */
export interface Fleet {
  members(group: string): readonly Member[];
  groupOf(nodeId: string): string | undefined;
  standings(nodeIds: readonly string[]): ReadonlyMap<string, CanaryStanding>;
  /** Whether a sidecar of one of these groups has a stream at this moment; members are those of the last tick. */
  isServed(groups: ReadonlySet<string>): boolean;
}

/** What the two tracks of the control loop are told. */
export interface Tracks {
  /** What our own check finds in what canaries would get. */
  canaryRefusals(): readonly Refusal[];
  /** Everybody is to keep the bytes of these structures; until the next of the three. */
  freeze(structures: readonly KeptStructure[]): void;
  /** What is in force is compiled by this release. */
  thaw(): void;
  promoteCanary(): void;
  dropCanary(): void;
}

export type RolloutsOptions = {
  readonly fleet: Fleet;
  readonly tracks: Tracks;
  /** Version of this Loadline. */
  readonly release: string;
  readonly now: () => number;
  readonly happened: (event: NewEvent) => void;
  /** Everybody is on one track again: of another policy than before, or of the same. */
  readonly ended: (
    cause: RolloutCause,
    outcome: 'passed' | 'returned' | 'superseded',
    why: string,
    tried: Loaded | undefined,
  ) => void;
  /** Hears how many canaries each group has; of none when nothing is tried. */
  readonly canaries: (byGroup: ReadonlyMap<string, number>) => void;
  /** Whether canaries try something that is no policy: a policy that needs them waits for its end. */
  readonly isBusy: () => boolean;
};

/** What became of a policy that is wanted. */
export type Offered =
  /** Everybody may have it: nothing stands yet, it stands already, or no group has canaries. */
  | 'InForce'
  | 'Trying'
  /** It is tried when canaries are free: see {@link Rollouts.resume}. */
  | 'Waiting'
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
  #waiting: Loaded | undefined;
  #triedBefore: string | undefined;
  readonly #record: RevisionRecord;
  #moved = false;
  /** Groups that have the bytes of another release. */
  #frozen: ReadonlySet<string> = new Set();
  #traffic: Traffic = new Map();
  #last: RolloutView['last'];

  constructor(options: RolloutsOptions) {
    this.#options = options;
    this.#record = new RevisionRecord(options.release);
  }

  /** The policy in force: of everybody who tries nothing. */
  get stable(): Loaded | undefined {
    return this.#stable;
  }

  /** What canaries have, while a change is tried. */
  get candidate(): Loaded | undefined {
    return this.#candidate;
  }

  /** What every sidecar did of late. */
  get traffic(): Traffic {
    return this.#traffic;
  }

  get memory(): RolloutMemory {
    const tried = (this.#waiting ?? this.#candidate)?.policy.revision;
    return { ...this.#record.memory, ...(tried === undefined ? {} : { tried }) };
  }

  /** Whether a revision was tried when the server ended: nobody has to judge anew whether it may be. */
  wasTried(revision: string): boolean {
    return this.#triedBefore === revision;
  }

  /**
   * Goes on after a restart with what was in force before. A change that was under way is offered, and tried anew.
   * @param kept what Envoys have of it; where this release compiles other bytes they keep those, and the release is tried
   */
  restore(stable: Loaded | undefined, memory: RolloutMemory = {}, kept: readonly KeptStructure[] = []): void {
    this.#stable = stable;
    this.#record.restore(memory);
    this.#triedBefore = memory.tried;
    if (stable === undefined) return;
    const recompiled = kept.filter((one) => !compilesAlike(stable.policy, one)).map(({ key }) => key.group);
    if (recompiled.length === 0) return;
    this.#frozen = new Set(recompiled);
    this.#options.tracks.freeze(kept);
  }

  /** Takes in which policy is wanted. One that replaces another that is tried is tried in its place. */
  offer(wanted: Loaded): Offered {
    const stable = this.#stable;
    const { revision } = wanted.policy;
    this.#waiting = undefined;
    if (this.#candidate?.policy.revision === revision) {
      this.#candidate = wanted;
      return 'Trying';
    }
    const stands = stable?.policy.revision === revision;
    // Who undoes a change has no time for canaries, and what was in force has been tried.
    const undone = !stands && !this.#isFrozen && this.isGood(revision);
    if (stable === undefined || (stands && !this.#isFrozen) || undone) {
      this.#supersede();
      // Where it stands this release compiles what they have: there is nothing left of that to try either.
      this.#record.forget(undone ? 'Policy' : undefined);
      return this.#inForce(wanted, undone);
    }
    const cause = stands ? 'Release' : 'Policy';
    if (this.#record.wasReturned(cause, revision)) return 'Returned';
    this.#supersede();
    this.#record.forget(cause);
    return this.#try(cause, wanted, stable.policy);
  }

  /** Offers what waits, once canaries are free. @returns undefined when nothing waits, or it goes on waiting */
  resume(): Offered | undefined {
    return this.#waiting === undefined || this.#options.isBusy() ? undefined : this.offer(this.#waiting);
  }

  /** The same policy in other words: comments, places in the text. */
  reword(wanted: Loaded): void {
    const { revision } = wanted.policy;
    if (this.#stable?.policy.revision === revision) this.#stable = wanted;
    if (this.#candidate?.policy.revision === revision) this.#candidate = wanted;
    if (this.#waiting?.policy.revision === revision) this.#waiting = wanted;
  }

  /** Whether it was in force under this release, and everybody had it. */
  isGood(revision: string): boolean {
    return this.#record.isGood(revision);
  }

  /** That somebody asks for a policy again, after it was taken back, is a reason to try it again. */
  askedAgain(): void {
    this.#record.forget('Policy');
  }

  /** Whether somebody changed tracks since the last call: then nothing of before may be sent any more. */
  takeMoved(): boolean {
    const moved = this.#moved;
    this.#moved = false;
    return moved;
  }

  /** Whether a node gets what is tried. */
  trackOf({ nodeId, group }: { readonly nodeId: string; readonly group: string }): 'Stable' | 'Canary' {
    return this.#running === undefined ? 'Stable' : trackOf(this.#running, group, nodeId);
  }

  /**
   * One turn, with the load reports since the last. After `Passed` the candidate is in force; after `Halted` it is gone.
   */
  step(reports: readonly LoadReport[]): 'Passed' | 'Halted' | undefined {
    const { fleet, tracks, now } = this.#options;
    const nowMs = now();
    this.#traffic = stepTraffic(this.#traffic, reports, nowMs, (nodeId) => fleet.groupOf(nodeId) !== undefined);
    const running = this.#running;
    if (running === undefined) return undefined;
    const [refused] = tracks.canaryRefusals();
    if (refused !== undefined) return this.#halted(running, ruleHalt(refused, nowMs));
    const step = stepRollout(running, {
      nowMs,
      standings: (nodeIds) => fleet.standings(nodeIds),
      reports,
      groupOf: (nodeId) => fleet.groupOf(nodeId),
      members: (group) => fleet.members(group),
      traffic: this.#traffic,
    });
    if (step.kind === 'Halted') return this.#halted(step.rollout, step.halt);
    if (step.kind === 'Passed') return this.#passed(step.rollout, 'it held on all canaries');
    this.#running = step.rollout;
    if (step.rollout.groups.some(({ ids }, at) => ids !== running.groups[at]?.ids)) this.#tellCanaries(step.rollout);
    this.#tellHold(running, step.rollout);
    return undefined;
  }

  /**
   * By hand: gives what is tried to everybody now, takes it back, or tries once more what was taken back.
   * @param wanted the policy that is wanted now
   * @returns why it cannot be done, in words; undefined when it is done
   */
  act(
    action: Exclude<RolloutAction, 'Force'>,
    reason: string,
    by: string,
    wanted: Loaded | undefined,
  ): string | undefined {
    const running = this.#running;
    if (action === 'Retry') {
      if (wanted === undefined || this.#record.returned === undefined) return 'nothing was taken back';
      const stands = wanted.policy.revision === this.#stable?.policy.revision;
      if (stands && !this.#isFrozen) return 'the store has what is in force again; apply the change once more';
      this.#record.forget();
      this.offer(wanted);
      return undefined;
    }
    if (running === undefined) return 'nothing is tried';
    if (action === 'Promote') this.#passed(running, `promoted by ${by}: ${reason}`);
    else this.#halted(running, { event: 'Operator', atMs: this.#options.now(), message: `${by}: ${reason}` });
    return undefined;
  }

  /** Why the newest policy is not in force, as a problem of the policy; undefined when nothing was taken back. */
  problem(): Issue | undefined {
    const { returned } = this.#record;
    if (returned === undefined) return undefined;
    const { cause, revision, release, halt } = returned;
    const what = cause === 'Release' ? `what Loadline ${release} compiles` : `revision ${revision}`;
    const message = `${what} was taken back: ${haltWords(halt)}`;
    const position = positionOf(halt.origin);
    const hint =
      'change it and try again, or have it tried once more as it is: apply it again, or with files loadline rollout retry';
    return { code: 'ROLLOUT_RETURNED', path: '', message, hint, ...(position === undefined ? {} : { position }) };
  }

  view(): Omit<RolloutView, 'byHand'> {
    const running = this.#running;
    return {
      running: running === undefined ? null : runningView(running, this.#options.fleet),
      waiting: this.#waiting?.policy.revision ?? null,
      last: this.#last,
    };
  }

  #try(cause: RolloutCause, wanted: Loaded, from: Policy): Offered {
    const { fleet, now, isBusy } = this.#options;
    const start = { members: (group: string) => fleet.members(group), traffic: this.#traffic, nowMs: now() };
    const rollout = startRollout(cause, from, wanted.policy, start, this.#frozen);
    if (rollout === undefined) return this.#inForce(wanted, this.#isServed(from));
    if (isBusy()) {
      this.#waiting = wanted;
      this.#tell(rollout, 'RolloutWaits', `${whatOf(rollout)} waits: canaries try what is done by hand`);
      return 'Waiting';
    }
    this.#candidate = wanted;
    this.#running = rollout;
    this.#tellCanaries(rollout);
    return 'Trying';
  }

  get #isFrozen(): boolean {
    return this.#frozen.size > 0;
  }

  #isServed({ groups }: Policy): boolean {
    return this.#options.fleet.isServed(new Set(groups.map(({ name }) => name)));
  }

  /** @param had whether sidecars have had it: then it can be gone back to */
  #inForce(wanted: Loaded, had: boolean): 'InForce' {
    const frozen = this.#isFrozen;
    this.#replace(wanted, had);
    if (frozen) this.#options.tracks.thaw();
    return 'InForce';
  }

  #replace(wanted: Loaded, had: boolean): void {
    const before = this.#stable;
    // What they had until now they have had, if these were the bytes of this release.
    if (
      before !== undefined &&
      !this.#isFrozen &&
      this.#options.fleet.isServed(new Set(before.policy.groups.map(({ name }) => name)))
    )
      this.#record.held(before.policy.revision);
    if (had) this.#record.held(wanted.policy.revision);
    this.#stable = wanted;
    this.#frozen = new Set();
  }

  #passed(rollout: Rollout, why: string): 'Passed' {
    this.#options.tracks.promoteCanary();
    if (this.#candidate !== undefined) this.#replace(this.#candidate, true);
    this.#end(rollout, 'Passed', why);
    this.#tell(rollout, 'RolloutPassed', `${whatOf(rollout)} goes to everybody: ${why}`);
    this.#options.ended(rollout.cause, 'passed', why, this.#stable);
    return 'Passed';
  }

  #halted(rollout: Rollout, seen: Halt): 'Halted' {
    // Envoy quotes what it refuses, with its dump first and the reason last.
    const halt = { ...seen, message: scrubText(seen.message).slice(-MAX_WORDS) };
    const { ended, tracks } = this.#options;
    const { cause, to: revision } = rollout;
    this.#record.takenBack(cause, revision, halt);
    const tried = this.#candidate;
    tracks.dropCanary();
    this.#end(rollout, 'Returned', haltWords(halt), halt);
    this.#tell(rollout, 'RolloutReturned', `${whatOf(rollout)} is taken back: ${haltWords(halt)}`, halt);
    ended(cause, 'returned', haltWords(halt), tried);
    return 'Halted';
  }

  #supersede(): void {
    const running = this.#running;
    if (running === undefined) return;
    const tried = this.#candidate;
    this.#options.tracks.dropCanary();
    const why = 'another change took its place';
    this.#end(running, 'Superseded', why);
    this.#options.ended(running.cause, 'superseded', why, tried);
  }

  #end(rollout: Rollout, outcome: 'Passed' | 'Returned' | 'Superseded', why: string, halt?: Halt): void {
    const { cause, from, to, startedAtMs } = rollout;
    const place = halt?.origin === undefined ? {} : { origin: halt.origin };
    const node = halt?.node === undefined ? {} : { node: halt.node };
    this.#last = { cause, from, to, startedAtMs, endedAtMs: this.#options.now(), outcome, why, ...node, ...place };
    this.#running = undefined;
    this.#candidate = undefined;
    this.#moved = true;
    this.#options.canaries(new Map());
  }

  /** Of a group whose sidecars were all away they are chosen later. */
  #tellCanaries(rollout: Rollout): void {
    this.#options.canaries(new Map(rollout.groups.map(({ group, ids }) => [group, ids.size])));
    const ids = rollout.groups.flatMap((group) => [...group.ids]);
    const who = ids.length === 0 ? 'canaries, when sidecars are back' : `${ids.length} canaries first: ${listed(ids)}`;
    this.#tell(rollout, 'RolloutStarted', `${whatOf(rollout)} goes to ${who}`);
  }

  #tellHold(before: Rollout, after: Rollout): void {
    for (const [at, { group, heldSinceMs, strategy }] of after.groups.entries()) {
      if (heldSinceMs === undefined || before.groups[at]?.heldSinceMs !== undefined) continue;
      const holdSec = (strategy?.holdMs ?? 0) / 1000;
      this.#tell(
        after,
        'RolloutHolds',
        `all canaries of ${group} have taken ${whatOf(after)}; it holds for ${holdSec} s`,
      );
    }
  }

  #tell({ from, to, cause }: Rollout, kind: EventKind, message: string, halt?: Halt): void {
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
}

function ruleHalt({ resource, reason }: Refusal, atMs: number): Halt {
  const { origin, name, typeUrl } = resource;
  const message = `${typeUrl.slice(typeUrl.lastIndexOf('.') + 1)} ${name} breaks a rule of Envoy: ${reason}`;
  const place = origin === undefined ? {} : { origin: `${origin.file}:${origin.line}:${origin.column}` };
  return { event: 'Rule', atMs, message, ...place };
}

/** `chat.yaml:12:3`; a file name may hold colons. */
function positionOf(origin: string | undefined): Issue['position'] {
  const match = /^(.*):(\d+):(\d+)$/s.exec(origin ?? '');
  return match === null ? undefined : { file: match[1] as string, line: Number(match[2]), column: Number(match[3]) };
}

function runningView({ cause, from, to, startedAtMs, groups }: Rollout, fleet: Fleet): RunningRolloutView {
  return { cause, from, to, startedAtMs, groups: groupViews(groups, fleet) };
}
