import { emptyRecord } from '../../base/units/index.ts';
import type { EndpointLoad, ServiceLoad } from '../load/index.ts';
import type { Endpoint, EndpointId } from '../topology/index.ts';
import { type BlendMove, blendedShares, blendedWeights, stepBlend } from './blend.ts';
import type { EndpointDecision, LoopTerms, Outcome, ServiceDecision } from './decision.ts';
import { delayOf, proportionalGain } from './gain.ts';
import { MAX_WEIGHT, recentre, toGrid } from './grid.ts';
import { type HerdMember, stepHerd } from './herd.ts';
import { preferences } from './preference.ts';
import { STEP_DOWN_PER_SEC, STEP_UP_PER_SEC } from './step-limit.ts';
import { deviations, restingLogs, standingOf, type Target, type TargetOptions, targets } from './target.ts';
import type { WeightMemory, WeightsState } from './weights-state.ts';

export type WeightsOptions = TargetOptions & {
  readonly mode: 'Active' | 'Shadow' | 'Disabled';
  /** Part of the computed weights that `Active` sends, 0..1. */
  readonly blendRatio: number;
};

export type WeightsInput = {
  readonly nowMs: number;
  readonly service: string;
  readonly endpoints: readonly Endpoint[];
  readonly load: ServiceLoad;
  readonly options: WeightsOptions;
  /** Delay of load reports and pushes as measured; undefined: not yet. */
  readonly loopDelaySec?: number | undefined;
};

const SNAP = 0.2;
const STAY_SNAPPED = 0.4;
/** Widths, as logs of their ratio, that a sidecar levels by itself when it has many requests at each; learned ones are rough. */
const ALIKE_TOLD = 0.35;
const ALIKE_LEARNED = 0.8;
/** Load reports alone cannot tell a slow server from a narrow one that queues: where nothing else speaks, more is noise. */
const DIM_FACTOR = 1.75;
const DEAD_BAND = 0.1;
const MIN_PUSH_MS = 950;
/** With nothing known for so long, learned weights are no better than equal ones. */
const BLIND_MS = 60_000;
const NONE: readonly string[] = [];
const HELD_UP: readonly string[] = ['StepUp'];
const HELD_DOWN: readonly string[] = ['StepDown'];
const NO_TERMS = { capacity: 0, speed: 0, inFlight: 0, foreign: 0, health: 0, ramp: 0, feedForward: 0 };

type Member = {
  readonly endpoint: Endpoint;
  readonly load: EndpointLoad;
  readonly memory: WeightMemory | undefined;
  readonly target: Target;
};

/** What is remembered of one endpoint before and after a tick; a member while it does not drain. */
type Stand = {
  readonly before: WeightMemory | undefined;
  readonly after: WeightMemory;
  readonly member: Member | undefined;
};

/** One tick of decisions about one service. Pure; the given state is not changed. */
export function stepWeights(
  before: WeightsState | undefined,
  asked: WeightsInput,
): { state: WeightsState; decision: ServiceDecision } {
  const { nowMs, load, options } = asked;
  const endpoints = withoutLost(asked.endpoints, load);
  const input = endpoints === asked.endpoints ? asked : { ...asked, endpoints };
  const elapsedSec = before === undefined ? 1 : Math.min(5, Math.max(0.05, (nowMs - before.atMs) / 1000));
  const known = before?.endpoints ?? {};
  const active = endpoints.filter(({ lifecycle }) => lifecycle === 'Active');
  const loads = loadsOf(endpoints, load);
  const wanted = preferences(loads);
  const remembered = active.map(({ id }) => steeredBefore(known, id));
  const filtered = filterDeviations(loads, wanted, remembered, elapsedSec);
  const damping = before?.herd?.damping ?? 1;
  const gain = damping * proportionalGain(load, options.leastRequest, elapsedSec, input.loopDelaySec);
  const standing = standingOf(loads, wanted, load, options);
  const aims = targets(standing, filtered, gain);
  const rests = toGrid(restingLogs(standing));
  const members: Member[] = active.map((endpoint, i) => ({
    endpoint,
    load: loads[i] as EndpointLoad,
    memory: remembered[i],
    target: aims[i] as Target,
  }));
  const blind = load.loadReports === 'Silent' && load.endpoints.every(({ engine }) => engine !== 'Fresh');
  const blindSinceMs = blind ? (before?.blindSinceMs ?? nowMs) : null;
  const choice = choose(before, members, input, blindSinceMs);
  const decided = choice.weights !== undefined;
  const logs = members.map(({ memory }, i) => (decided ? (choice.logs[i] as number) : (memory?.sent ?? 0)));
  const blend = blendOf(before, members, logs, input, elapsedSec);
  const weights = members.map(({ memory }, i) => choice.weights?.[i] ?? memory?.weight ?? MAX_WEIGHT);
  const sentWeights = blend === 1 ? weights : blendedWeights(logs, blend);
  const moved = members.some(({ memory }, i) => memory !== undefined && sentOf(memory) !== sentWeights[i]);
  const memories = emptyRecord<WeightMemory>();
  const stands: Stand[] = [];
  let i = -1;
  for (const { id, lifecycle } of endpoints) {
    if (lifecycle !== 'Active') {
      const before = known[id];
      const after = { ...(before ?? { deviation: 0, sent: 0, shareSent: 0, weight: 1, resting: 1 }), draining: true };
      memories[id] = after;
      stands.push({ before, after, member: undefined });
      continue;
    }
    i += 1;
    const member = members[i] as Member;
    const old = member.memory ?? known[id];
    const memory: WeightMemory = {
      deviation: filtered[i] as number,
      sent: logs[i] as number,
      shareSent: decided ? member.target.share : (old?.shareSent ?? 1 / active.length),
      weight: weights[i] as number,
      resting: rests[i] ?? MAX_WEIGHT,
    };
    const after = blend === 1 ? memory : { ...memory, sentWeight: sentWeights[i] as number };
    memories[id] = after;
    stands.push({ before: old, after, member });
  }
  const pushed = decided || moved;
  const herd = stepHerd(before?.herd, {
    nowMs,
    elapsedSec,
    // What is not sent cannot come back.
    members: options.mode === 'Active' ? herdMembers(members, logs, filtered) : [],
  });
  const state: WeightsState = {
    version: 1,
    startedAtMs: before?.startedAtMs ?? nowMs,
    atMs: nowMs,
    decidedAtMs: pushed ? nowMs : (before?.decidedAtMs ?? nowMs),
    lastPushMs: pushed ? nowMs : (before?.lastPushMs ?? nowMs),
    snapped: choice.snapped,
    blindSinceMs,
    blend,
    active: active.length,
    herd,
    endpoints: memories,
  };
  // The outcome is about what is sent: a part of the weights may move alone, and stay where the whole moved a little.
  const outcome =
    moved && !decided ? 'Pushed' : choice.outcome === 'Pushed' && !moved ? 'HeldSameVector' : choice.outcome;
  const loop = {
    gain,
    damping,
    delaySec: delayOf(load, input.loopDelaySec),
    herdAtMs: herd.alarmedAtMs,
  };
  return { state, decision: decisionOf(state, stands, input, { outcome, held: choice.held, loop }) };
}

function herdMembers(
  members: readonly Member[],
  logs: readonly number[],
  filtered: readonly number[],
): readonly HerdMember[] {
  return members.map(({ endpoint, load }, i) => ({
    id: endpoint.id,
    weight: logs[i] as number,
    deviation: filtered[i] as number,
    inFlight: load.inFlight,
  }));
}

/** What is believed of the active endpoints. Beliefs stand in the order of all endpoints. */
function loadsOf(endpoints: readonly Endpoint[], load: ServiceLoad): readonly EndpointLoad[] {
  return load.endpoints.filter((_, i) => endpoints[i]?.lifecycle === 'Active');
}

/** Who drains because its GPU is lost (`core/load` keeps that within bounds) drains like one that discovery says to. */
function withoutLost(endpoints: readonly Endpoint[], load: ServiceLoad): readonly Endpoint[] {
  const lost = new Set<EndpointId>();
  for (const { id, gpuFault } of load.endpoints) if (gpuFault?.drained === true) lost.add(id);
  if (lost.size === 0) return endpoints;
  return endpoints.map((one) => (lost.has(one.id) ? { ...one, lifecycle: 'Draining' as const } : one));
}

/** The integer that Envoys have. */
function sentOf({ weight, sentWeight }: WeightMemory): number {
  return sentWeight ?? weight;
}

function blendOf(
  before: WeightsState | undefined,
  members: readonly Member[],
  logs: readonly number[],
  { nowMs, options }: WeightsInput,
  elapsedSec: number,
): number {
  const goal = options.mode === 'Active' ? options.blendRatio : 0;
  if (before?.blend === undefined) return goal;
  if (before.blend === goal) return goal;
  if (goal > 0 && nowMs - before.lastPushMs < MIN_PUSH_MS) return before.blend;
  const moves = members.map(({ memory }, i): BlendMove => ({ before: memory?.sent, after: logs[i] as number }));
  return stepBlend(before.blend, goal, moves, elapsedSec);
}

/** What is left behind when the controller goes away: the weights without their short-term part. */
export function restingWeights(
  state: WeightsState,
  endpoints: readonly Endpoint[],
  options: WeightsOptions,
): Readonly<Record<EndpointId, number>> {
  const equal = options.mode !== 'Active' || state.snapped;
  const blend = state.blend ?? options.blendRatio;
  const known = endpoints.flatMap((endpoint) => {
    const memory = state.endpoints[endpoint.id];
    return memory === undefined ? [] : [{ ...endpoint, memory }];
  });
  const drains = ({ lifecycle, memory }: (typeof known)[number]): boolean =>
    lifecycle === 'Draining' || memory.draining === true;
  const active = known.filter((one) => !drains(one));
  const resting = active.map(({ memory }) => (equal ? MAX_WEIGHT : memory.resting));
  const part = blend === 1 ? resting : blendedWeights(resting.map(Math.log), blend);
  const places = new Map(active.map(({ id }, i) => [id, i]));
  return Object.fromEntries(
    known.map((one) => [one.id, drains(one) ? sentOf(one.memory) : (part[places.get(one.id) as number] as number)]),
  );
}

/** What is remembered of one whose weight the last tick decided; who drained starts anew when it comes back. */
function steeredBefore(known: WeightsState['endpoints'], id: EndpointId): WeightMemory | undefined {
  const memory = known[id];
  return memory?.draining ? undefined : memory;
}

function countSteered({ active, endpoints }: WeightsState): number {
  return active ?? Object.values(endpoints).filter(({ draining }) => !draining).length;
}

function filterDeviations(
  loads: readonly EndpointLoad[],
  wanted: readonly number[],
  remembered: readonly (WeightMemory | undefined)[],
  elapsedSec: number,
): readonly number[] {
  const smooth = 1 - Math.exp(-elapsedSec);
  return deviations(loads, wanted).map((value, i) => {
    const one = loads[i] as EndpointLoad;
    const previous = remembered[i]?.deviation ?? 0;
    const next = previous + smooth * (value - previous);
    // A fast failure empties an endpoint; that is not room.
    return one.bad ? Math.max(0, next) : next;
  });
}

type Choice = {
  readonly outcome: Outcome;
  /** Undefined: the weights that stand go on. */
  readonly weights: readonly number[] | undefined;
  readonly logs: readonly number[];
  readonly snapped: boolean;
  /** Limits that held each member back. */
  readonly held: readonly (readonly string[])[];
};

function choose(
  before: WeightsState | undefined,
  members: readonly Member[],
  input: WeightsInput,
  blindSinceMs: number | null,
): Choice {
  const { nowMs, load } = input;
  const n = members.length;
  const none: readonly (readonly string[])[] = [];
  const stay = (outcome: Outcome): Choice => ({
    outcome,
    weights: undefined,
    logs: [],
    snapped: before?.snapped ?? true,
    held: none,
  });
  const equal = (outcome: Outcome): Choice => ({
    outcome,
    weights: members.map(() => MAX_WEIGHT),
    logs: members.map(() => 0),
    snapped: true,
    held: none,
  });
  if (n === 0) return stay('HeldNoSignal');
  const incomers = members.some(({ memory }) => memory === undefined);
  const leavers = before !== undefined && countSteered(before) !== n;
  const changed = incomers || leavers;
  if (n === 1) return changed ? equal('Single') : stay('Single');
  if (before === undefined) {
    const first = recentre(members.map(({ load: { logCapacity } }) => logCapacity));
    return first.every((value) => Math.abs(value) <= SNAP)
      ? equal('First')
      : { outcome: 'First', weights: toGrid(first), logs: first, snapped: false, held: none };
  }
  if (blindSinceMs !== null && !changed) {
    if (nowMs - blindSinceMs > BLIND_MS && !before.snapped) return equal('SnappedEqual');
    return stay('HeldNoSignal');
  }
  if (nowMs - before.lastPushMs < MIN_PUSH_MS && !changed) return stay('HeldTooSoon');

  const { logs, held } = limitSteps(members, Math.max(1, (nowMs - before.lastPushMs) / 1000));
  if (isNoise(members, logs, before.snapped, load)) {
    if (before.snapped && !changed) return stay('HeldEqual');
    return equal(changed ? 'Membership' : 'SnappedEqual');
  }
  const weights = toGrid(logs);
  const push = (outcome: Outcome): Choice => ({ outcome, weights, logs, snapped: false, held });
  if (changed) return push('Membership');
  if (movement(members, logs) < deadBand(members)) return stay('HeldDeadBand');
  if (members.every(({ memory }, i) => memory?.weight === weights[i])) return stay('HeldSameVector');
  return push('Pushed');
}

/** [step 12] Weights halve at most, and rise by a quarter at most, per second since the last push. */
function limitSteps(
  members: readonly Member[],
  sinceSec: number,
): { logs: readonly number[]; held: readonly (readonly string[])[] } {
  const held: (readonly string[])[] = members.map(() => NONE);
  const logs = members.map(({ memory, target }, i) => {
    // A newcomer starts at its target (a tenth while it has completed nothing), not at an even weight.
    if (memory === undefined) return target.out;
    const up = memory.sent + STEP_UP_PER_SEC * sinceSec;
    const down = memory.sent - STEP_DOWN_PER_SEC * sinceSec;
    if (target.out > up) held[i] = HELD_UP;
    else if (target.out < down) held[i] = HELD_DOWN;
    return Math.min(up, Math.max(down, target.out));
  });
  return { logs, held };
}

/** [step 13] Deviations that noise explains, or that `least_request` levels by itself: equal weights are the best answer. */
function isNoise(members: readonly Member[], logs: readonly number[], snapped: boolean, load: ServiceLoad): boolean {
  const dim = members.every(({ load: { engine, slotsKnown } }) => engine === 'Absent' && !slotsKnown);
  const most = (snapped ? STAY_SNAPPED : SNAP) * (dim ? DIM_FACTOR : 1);
  if (logs.every((log) => Math.abs(log) <= most)) return true;
  const first = members[0] as Member;
  const alike = members.every(({ load: { slotsTold } }) => slotsTold) ? ALIKE_TOLD : ALIKE_LEARNED;
  return (
    load.meanInFlightPerSidecar > 8 &&
    members.every(
      ({ load: one, target }) =>
        Math.abs(one.logCapacity) <= 0.8 &&
        Math.abs(Math.log(one.slots / first.load.slots)) <= alike &&
        target.factor >= 0.99,
    )
  );
}

/**
 * [step 14] The largest change, scaled down where the share is so small that it does not matter. It does matter where an
 * endpoint waits for the completion that lets it ramp: below its tenth it may never get the request to complete.
 */
function movement(members: readonly Member[], logs: readonly number[]): number {
  const n = members.length;
  return members.reduce((most, { memory, target, load }, i) => {
    const change = (logs[i] as number) - (memory?.sent ?? 0);
    const starved = load.waiting1st && !load.bad && change > 0;
    const matters = starved ? 1 : Math.min(1, 1.5 * n * Math.max(target.share, memory?.shareSent ?? 0));
    return Math.max(most, Math.abs(change) * matters);
  }, 0);
}

function deadBand(members: readonly Member[]): number {
  const mean = members.reduce((sum, { load }) => sum + load.inFlight, 0) / members.length;
  return Math.max(DEAD_BAND, 1 / Math.sqrt(mean + 1));
}

function decisionOf(
  state: WeightsState,
  stands: readonly Stand[],
  { nowMs, service, endpoints, options }: WeightsInput,
  { outcome, held, loop }: Pick<Choice, 'outcome' | 'held'> & { readonly loop: LoopTerms },
): ServiceDecision {
  const { mode } = options;
  const blend = state.blend ?? 1;
  const computed: number[] = [];
  for (const { member } of stands) if (member !== undefined) computed.push(member.target.share);
  const aimed = blendedShares(computed, blend);
  let i = -1;
  const decided = endpoints.map(({ id }, at): EndpointDecision => {
    const { before, after, member } = stands[at] as Stand;
    const draining = member === undefined;
    if (!draining) i += 1;
    const target = member?.target;
    const decision: EndpointDecision = {
      id,
      weight: sentOf(after),
      previousWeight: sentOf(before ?? after),
      share: draining ? 0 : (aimed[i] as number),
      health: draining ? 'Draining' : 'Healthy',
      terms: target?.terms ?? NO_TERMS,
      clamps: target === undefined ? NONE : clampsOf(target.clamps, held[i] ?? NONE),
    };
    return blend === 1 || target === undefined ? decision : { ...decision, computedShare: target.share };
  });
  const first = decided.find(({ health }) => health === 'Healthy')?.weight;
  const decision: Omit<ServiceDecision, 'sentRatio' | 'shadowWeights' | 'loop'> & { loop?: LoopTerms } = {
    service,
    outcome: mode === 'Active' ? outcome : mode,
    atMs: nowMs,
    decidedAtMs: state.decidedAtMs,
    equal: decided.every(({ weight, health }) => health === 'Draining' || weight === first),
    endpoints: decided,
  };
  if (blend === 1) {
    // Not by a spread: see `draftEndpoint`.
    decision.loop = loop;
    return decision;
  }
  return {
    ...decision,
    ...(mode === 'Active' && blend < 1 ? { sentRatio: blend } : {}),
    ...(mode !== 'Disabled' && blend < 1 ? { shadowWeights: computedWeights(state, endpoints) } : {}),
    loop,
  };
}

function clampsOf(aimed: readonly string[], held: readonly string[]): readonly string[] {
  if (held.length === 0) return aimed;
  return aimed.length === 0 ? held : [...aimed, ...held];
}

function computedWeights(state: WeightsState, endpoints: readonly Endpoint[]): Readonly<Record<EndpointId, number>> {
  const weights = emptyRecord<number>();
  for (const { id } of endpoints) weights[id] = (state.endpoints[id] as WeightMemory).weight;
  return weights;
}
