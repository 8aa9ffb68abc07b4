import { own } from '../base/units/index.ts';
import {
  type BeliefEvent,
  balancesOf,
  beliefEvents,
  Compiler,
  type ControlState,
  counterfactualOf,
  endpointNotes,
  INITIAL_STATE,
  imbalanceOf,
  issuedShares,
  type KeptStructure,
  type LoopDelay,
  leavingReasons,
  type Perturbation,
  type Plan,
  planWith,
  type Refusal,
  restoreState,
  type Shift,
  ShiftMeters,
  type Sidecar,
  signalAges,
  signalStates,
  type TickInput,
  tick,
  undivided,
  weightsOptions,
  zoneIn,
} from '../core/control/index.ts';
import type { ServiceLoad } from '../core/load/index.ts';
import type { Operation } from '../core/operations/index.ts';
import { Identities, type Policy } from '../core/policy/index.ts';
import type { Snapshot, SnapshotKey } from '../core/snapshot/index.ts';
import type { EndpointId, EndpointSet, PromptAnswer, Sample } from '../core/topology/index.ts';
import type { Prompt } from '../core/warmth/index.ts';
import { reasonsOf, restingWeights, type ServiceDecision, sameWeights } from '../core/weights/index.ts';
import type { Evenness } from '../edge/observe/index.ts';
import type { SnapshotProvider } from '../edge/xds/index.ts';
import type { ControlInbox } from './inbox.ts';

/** What is told after each tick: to the metrics, the timeline and the log. */
export type Ticked = {
  readonly plan: Plan;
  readonly loads: Readonly<Record<string, ServiceLoad>>;
  /** Services whose weights this tick changed. */
  readonly pushed: readonly ServiceDecision[];
  readonly refusals: readonly Refusal[];
  /** Moves of a target share that came to rest, and how the requests followed. */
  readonly shifts: readonly Shift[];
  /** Services of which this tick saw weights and in-flight chase each other. */
  readonly herds: readonly ServiceDecision[];
  /** Who was drained for a lost GPU or is back, and which signals came to contradict themselves. */
  readonly events: readonly BeliefEvent[];
  /** To be sent now, so that servers stay warm. */
  readonly prompts: readonly Prompt[];
  /** What the tick began with and was given: for the recorder. */
  readonly before: ControlState;
  readonly input: TickInput;
  /** What it began with is not what the tick before came to, but the state of what was tried. */
  readonly jumped: boolean;
};

/** A policy, and the endpoints that stand under it. */
export type UnderPolicy = { readonly policy: Policy; readonly endpointSets: readonly EndpointSet[] };

export type TickExtras = {
  readonly perturbations?: readonly Perturbation[];
  /** In force everywhere. */
  readonly operations?: readonly Operation[];
  /** What canaries try. */
  readonly canary?: UnderPolicy | undefined;
  /** In place of it: what canaries alone have of what is done by hand. The law does not hear of it. */
  readonly tried?: readonly Operation[];
};

/**
 * Runs the pure controller over the world: takes the inbox and the samples, ticks, compiles. It holds the state, so it
 * is also what a checkpoint saves and a restart restores.
 */
export class ControlLoop implements SnapshotProvider {
  readonly #inbox: ControlInbox;
  readonly #takeSamples: () => readonly Sample[];
  readonly #takeAnswers: () => readonly PromptAnswer[];
  #compiler = new Compiler();
  readonly #meters = new ShiftMeters();
  #state: ControlState = INITIAL_STATE;
  #jumped = false;
  #loads: Readonly<Record<string, ServiceLoad>> = {};
  /** What canaries get: the same signals, decided under the policy that is tried, or compiled by this release. */
  #canary: { readonly compiler: Compiler; state: ControlState } | undefined;
  /** Of the policy that was asked about last. */
  #identities: { readonly policy: Policy; readonly of: Identities } | undefined;

  constructor(
    inbox: ControlInbox,
    takeSamples: () => readonly Sample[],
    takeAnswers: () => readonly PromptAnswer[] = () => [],
  ) {
    this.#inbox = inbox;
    this.#takeSamples = takeSamples;
    this.#takeAnswers = takeAnswers;
  }

  get state(): ControlState {
    return this.#state;
  }

  get plan(): Plan | undefined {
    return this.#state.plan;
  }

  get loads(): Readonly<Record<string, ServiceLoad>> {
    return this.#loads;
  }

  /** Share of the requests that the sidecars really issued, by endpoint id. */
  get issuedShares(): Readonly<Record<string, number>> {
    return Object.assign({}, ...Object.values(this.#state.issued).map(issuedShares)) as Record<string, number>;
  }

  /** How even the load of a service is, and would be with its weights as computed. */
  evenness(service: string): Evenness {
    const { plan } = this.#state;
    const policy = plan?.policy.services.find(({ name }) => name === service);
    const load = own(this.#loads, service);
    const decision = own(plan?.decisions, service);
    if (policy === undefined || load === undefined || decision === undefined)
      return { imbalance: undefined, counterfactual: undefined };
    const leastRequest = policy.loadBalancer.type === 'LeastRequest';
    return {
      imbalance: imbalanceOf(load, decision),
      counterfactual: counterfactualOf(load, decision, this.issuedShares, leastRequest),
    };
  }

  /** Why each endpoint of a service has its weight, in a sentence. */
  reasons(service: string): ReadonlyMap<EndpointId, string> {
    const { plan } = this.#state;
    const decision = own(plan?.decisions, service);
    if (plan === undefined || decision === undefined) return new Map();
    const policy = plan.policy.services.find(({ name }) => name === service);
    const inside = policy === undefined ? decision : undivided(policy, own(plan.endpoints, service) ?? [], decision);
    return new Map([...reasonsOf(inside, own(this.#loads, service)), ...leavingReasons(plan, service)]);
  }

  /** What to know of the beliefs about each endpoint of a service, in words. */
  notes(service: string): ReadonlyMap<EndpointId, readonly string[]> {
    const load = own(this.#loads, service);
    return load === undefined ? new Map() : endpointNotes(this.#state, load);
  }

  /** Whether shares of a service are on their way. */
  moving(service: string): boolean {
    return this.#meters.moving(service);
  }

  /** What the delay of a service's loop is made of, in seconds, as far as it is measured. */
  loopDelay(service: string): LoopDelay & { readonly picksSec?: number } {
    const measured = Object.entries(this.#state.delays ?? {}).find(([name]) => name === service)?.[1] ?? {};
    const picksMs = this.#meters.picksMs(service);
    return picksMs === undefined ? measured : { ...measured, picksSec: picksMs / 1000 };
  }

  /** Age of what is known, by endpoint id and kind of signal. */
  signalAgesMs(nowMs: number): ReturnType<typeof signalAges> {
    return signalAges(this.#state, nowMs);
  }

  /** What is made of each signal, by endpoint id. */
  signalStates(nowMs: number): ReturnType<typeof signalStates> {
    return signalStates(this.#state, this.#loads, nowMs);
  }

  /** Continues from a checkpoint: the same Plan, so the same bytes, until the first tick says otherwise. */
  restore(state: ControlState, nowMs: number): void {
    this.#state = restoreState(state, nowMs);
  }

  tick(
    { policy, endpointSets }: UnderPolicy,
    nowMs: number,
    { perturbations = [], operations = [], canary, tried = [] }: TickExtras = {},
  ): Ticked {
    const before = this.#state;
    const heard = this.#inbox.take();
    const [samples, answers] = [this.#takeSamples(), this.#takeAnswers()];
    const input = { nowMs, policy, endpointSets, samples, answers, ...heard, perturbations, operations };
    const out = tick(before, input);
    this.#state = out.state;
    if (canary === undefined && tried.length === 0) this.#canary = undefined;
    else if (canary === undefined) {
      this.#canary ??= { compiler: this.#compiler.fork(), state: out.state };
      const plan = planWith(out.law, [...operations, ...tried], this.#canary.state.plan);
      this.#canary.state = { ...out.state, plan };
    } else {
      // It begins with everything that was learned so far.
      this.#canary ??= { compiler: new Compiler(), state: before };
      this.#canary.state = tick(this.#canary.state, { ...input, ...canary }).state;
    }
    this.#loads = out.loads;
    const stood = new Map(Object.entries(before.plan?.decisions ?? {}));
    const pushed = Object.values(out.plan.decisions).filter(
      (decision) => !sameWeights(stood.get(decision.service), decision),
    );
    const shifts = this.#meters.step({ nowMs, before: before.plan, ...out, ...heard });
    const herds = Object.values(out.plan.decisions).filter(({ loop }) => loop?.herdAtMs === nowMs);
    const events = beliefEvents(before, out);
    const refusals = this.#compiler.refusals();
    const jumped = this.#jumped;
    this.#jumped = false;
    const { loads, prompts } = out;
    return { plan: out.plan, loads, pushed, refusals, shifts, herds, events, prompts, before, input, jumped };
  }

  /** What the rule check finds in what canaries would get; nobody needs to have it yet. */
  canaryRefusals(keys: readonly SnapshotKey[]): readonly Refusal[] {
    for (const key of keys) this.snapshot(key);
    return this.#canary?.compiler.refusals() ?? [];
  }

  /** Sends these structures as they are, until a candidate is promoted or they are {@link thaw}ed. */
  freeze(structures: readonly KeptStructure[]): void {
    this.#compiler = new Compiler(structures);
  }

  thaw(): void {
    this.#compiler = new Compiler();
  }

  /** What is in force of the policy's structure, by kind of node; canaries that a promotion made like all others have no kind of their own. */
  structures(): readonly KeptStructure[] {
    return this.#compiler.structures().filter(({ key }) => key.track === undefined);
  }

  /** What canaries have is everybody's from now on. */
  promoteCanary(): void {
    if (this.#canary === undefined) return;
    const { compiler, state } = this.#canary;
    const sequence = Math.max(this.#state.plan?.sequence ?? 0, state.plan?.sequence ?? 0) + 1;
    this.#compiler = compiler;
    this.#state = state.plan === undefined ? state : { ...state, plan: { ...state.plan, sequence } };
    this.#jumped = true;
    this.#canary = undefined;
  }

  /** Nobody has it any more. */
  dropCanary(): void {
    this.#canary = undefined;
  }

  /** Sidecars of a group, those that were there a moment ago included. */
  membersOf(group: string): readonly Sidecar[] {
    return Object.values(this.#state.sidecars).filter((sidecar) => sidecar.group === group);
  }

  groupOf(nodeId: string): string | undefined {
    return own(this.#state.sidecars, nodeId)?.group;
  }

  groups(): readonly string[] {
    return this.#state.plan?.policy.groups.map(({ name }) => name) ?? [];
  }

  groupsOf(spiffeId: string): readonly string[] {
    const policy = this.#state.plan?.policy;
    if (policy === undefined) return [];
    if (this.#identities?.policy !== policy) this.#identities = { policy, of: new Identities(policy) };
    return this.#identities.of.groupsOf(spiffeId);
  }

  servicesOf(group: string): ReadonlySet<string> {
    const groups = this.#state.plan?.policy.groups ?? [];
    return new Set(groups.find(({ name }) => name === group)?.modelServices);
  }

  zoneOf({ group, track }: Pick<SnapshotKey, 'group' | 'track'>, zone: string): string | undefined {
    const tried = track === 'Canary' ? this.#canary?.state.plan : undefined;
    return zoneIn(tried ?? this.#state.plan, group, zone);
  }

  snapshot(key: SnapshotKey): Snapshot | undefined {
    const { plan } = this.#state;
    if (key.track === 'Canary' && this.#canary?.state.plan !== undefined)
      return this.#canary.compiler.snapshot(this.#canary.state.plan, key);
    return plan === undefined ? undefined : this.#compiler.snapshot(plan, key);
  }

  /** What a sidecar of this kind would get that came now. Undefined: there is no such group, or no plan yet. */
  preview(key: SnapshotKey): Snapshot | undefined {
    const { plan } = this.#state;
    return plan === undefined ? undefined : this.#compiler.preview(plan, key);
  }

  /** Forgets what was compiled for keys that no connected node has. */
  retain(keys: readonly string[]): void {
    this.#compiler.retain(keys);
    this.#canary?.compiler.retain(keys);
  }

  /**
   * Takes the short-term part out of the weights, before the controller goes away: what stays frozen then is learned
   * capacity alone. Only for services whose weights are steered and unequal.
   */
  rest(): void {
    this.#state = rested(this.#state);
    if (this.#canary !== undefined) this.#canary.state = rested(this.#canary.state);
  }
}

function rested(state: ControlState): ControlState {
  const { plan } = state;
  if (plan === undefined) return state;
  const decisions: Record<string, ServiceDecision> = { ...plan.decisions };
  for (const service of plan.policy.services) {
    const { name, loadBalancer } = service;
    const decision = decisions[name];
    if (decision === undefined || decision.equal || loadBalancer.weights !== 'Active') continue;
    // What somebody froze stays as it is, the more so while nobody steers.
    if (decision.outcome === 'Frozen') continue;
    const resting = Object.assign(
      {},
      ...balancesOf(service).map(({ key }) => {
        const weights = state.weights[key];
        return weights && restingWeights(weights, plan.endpoints[name] ?? [], weightsOptions(service));
      }),
    ) as Readonly<Record<EndpointId, number>>;
    decisions[name] = {
      ...decision,
      endpoints: decision.endpoints.map((endpoint) => ({
        ...endpoint,
        weight: resting[endpoint.id] ?? endpoint.weight,
      })),
    };
  }
  return { ...state, plan: { ...plan, decisions, sequence: plan.sequence + 1 } };
}
