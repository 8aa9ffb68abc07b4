import { contentHash, own } from '../../base/units/index.ts';
import type { EndpointLoad, ServiceLoad } from '../load/index.ts';
import type { KeepWarm, ModelService } from '../policy/index.ts';
import {
  type Endpoint,
  type EndpointId,
  hostPort,
  indexEndpoints,
  type PromptAnswer,
  placeOf,
  type Sample,
} from '../topology/index.ts';
import type { ServiceDecision } from '../weights/index.ts';
import { verdictOf } from './verdict.ts';
import type { Belief, Prompt, Warmth, WarmthState } from './warmth.ts';

export type WarmthInput = {
  readonly nowMs: number;
  readonly elapsedSec: number;
  readonly service: ModelService;
  /** In the order of the beliefs. */
  readonly endpoints: readonly Endpoint[];
  readonly load: ServiceLoad;
  readonly decision: ServiceDecision;
  readonly samples: readonly Sample[];
  readonly answers: readonly PromptAnswer[];
  /** Requests are shed: not one more is made. */
  readonly overloaded: boolean;
};

export type WarmthStep = { readonly state: WarmthState; readonly prompts: readonly Prompt[] };

/** After a pause (a restart) nobody has waited longer than this: else all of them were due at once. */
const MAX_TICK_SEC = 5;
/** Before load reports are in, who is busy looks idle. */
const FIRST_SEC = 5;
/** Of the interval: later tries are due within the last fifth of it, so that several Loadlines do not ask in step. */
const LEAST_WAIT_PART = 0.8;
/** A server that was cold is asked again sooner: the prompt may have woken it. */
const COLD_WAIT_PART = 0.25;
const COLD_WAIT_MIN_SEC = 1;
/** Of a service, at once; and of the even rate, in one tick: who became due together is not asked together. */
const MOST_ASKED = 16;
const RATE_FACTOR = 2;
/** An answer that is so late beyond its timeout does not come: the process that asked has ended. */
const LOST_SEC = 30;
/** In intervals: what was answered longer ago than that, before requests came, says nothing of now. */
const BELIEVED_INTERVALS = 2;

/**
 * One tick of keeping servers warm that have no requests: who is asked now, and what the answers mean.
 *
 * A server that anything was seen of is let alone for an interval: requests of the sidecars, work on its engine's page, and a
 * prompt, whoever sent it. So two Loadlines that read the same engines ask about as often as one.
 */
export function stepWarmth(before: WarmthState, input: WarmthInput): WarmthStep {
  const { service, endpoints, load } = input;
  const policies = new Map(
    service.pools.flatMap(({ name, keepWarm }) => (keepWarm ? [[name, keepWarm] as const] : [])),
  );
  if (policies.size === 0) return { state: {}, prompts: [] };
  const answers = new Map(input.answers.map(({ endpoint, result }) => [endpoint, result]));
  const tokens = tokensOf(input);
  const takes = new Set(input.decision.endpoints.flatMap(({ id, health }) => (health === 'Healthy' ? [id] : [])));
  const state: Record<EndpointId, Warmth> = {};
  const due: { readonly endpoint: Endpoint; readonly policy: KeepWarm }[] = [];
  for (const [place, endpoint] of endpoints.entries()) {
    const policy = policies.get(endpoint.pool);
    const believed = load.endpoints[place];
    if (policy === undefined || believed === undefined) continue;
    const { id } = endpoint;
    const draw = (): number => drawOf(id, input.nowMs);
    const intervalSec = policy.intervalMs / 1000;
    const stored = own(before, id);
    const last = stored !== undefined && isSound(stored) ? stored : newcomer(draw() * intervalSec);
    const seen = { believed, tokens: tokens.get(id) ?? null, answer: answers.get(id) };
    const slowAboveSec = slowAboveOf(policy, service) / 1000;
    state[id] = moved(last, seen, { elapsedSec: input.elapsedSec, draw, intervalSec, slowAboveSec, policy });
    const isBusy = isActive(believed) || !takes.has(id) || endpoint.lifecycle === 'Draining';
    const { askedSec, idleSec, waitSec } = state[id];
    if (askedSec === null && !isBusy && idleSec >= waitSec) due.push({ endpoint, policy });
  }
  if (input.overloaded || load.ageSec < FIRST_SEC) return { state, prompts: [] };
  const asked = admitted(due, state);
  for (const { endpoint } of asked) state[endpoint.id] = { ...(state[endpoint.id] as Warmth), askedSec: 0 };
  return { state, prompts: asked.map(({ endpoint, policy }) => promptOf(endpoint, policy)) };
}

function newcomer(waitSec: number): Warmth {
  const nothing = { belief: 'Unknown', sinceSec: 0, heardSec: null, refused: false } as const;
  return { ...nothing, idleSec: 0, waitSec, askedSec: null, tokens: null, words: 'not asked yet' };
}

/** A checkpoint that somebody edited may hold anything; what cannot be counted on with is forgotten. */
function isSound({ sinceSec, heardSec, idleSec, waitSec, askedSec, tokens, words }: Warmth): boolean {
  const numbers = [sinceSec, heardSec ?? 0, idleSec, waitSec, askedSec ?? 0, tokens ?? 0];
  return numbers.every(Number.isFinite) && typeof words === 'string';
}

type Seen = {
  readonly believed: EndpointLoad;
  readonly tokens: number | null;
  readonly answer: PromptAnswer['result'] | undefined;
};

type Times = {
  readonly elapsedSec: number;
  /** Costs a hash: asked only of whom something was seen. */
  readonly draw: () => number;
  readonly intervalSec: number;
  readonly slowAboveSec: number;
  readonly policy: KeepWarm;
};

function moved(last: Warmth, { believed, tokens, answer }: Seen, times: Times): Warmth {
  const { elapsedSec, draw, intervalSec, slowAboveSec, policy } = times;
  const passedSec = Math.max(0, elapsedSec);
  const tickSec = Math.min(MAX_TICK_SEC, passedSec);
  const askedSec = last.askedSec === null ? null : last.askedSec + passedSec;
  const isLost = askedSec !== null && askedSec > policy.timeoutMs / 1000 + LOST_SEC;
  const aged: Warmth = {
    ...last,
    sinceSec: last.sinceSec + passedSec,
    heardSec: last.heardSec === null ? null : last.heardSec + passedSec,
    idleSec: last.idleSec + tickSec,
    // A shorter interval of a new policy holds at once.
    waitSec: Math.min(last.waitSec, intervalSec),
    askedSec: isLost ? null : askedSec,
    tokens: tokens ?? last.tokens,
  };
  const waitOf = (belief: Belief): number => {
    const waitSec = intervalSec * (LEAST_WAIT_PART + (1 - LEAST_WAIT_PART) * draw());
    return belief === 'Cold' ? Math.max(COLD_WAIT_MIN_SEC, COLD_WAIT_PART * waitSec) : waitSec;
  };
  const rested = (belief: Belief) => ({ idleSec: 0, waitSec: waitOf(belief) });
  if (answer !== undefined) {
    const verdict = verdictOf(answer, slowAboveSec);
    if (verdict === null) return { ...aged, ...rested('Unknown'), askedSec: null };
    const { belief } = verdict;
    const sinceSec = belief === last.belief ? aged.sinceSec : 0;
    return { ...aged, ...rested(belief), ...verdict, sinceSec, heardSec: 0, askedSec: null };
  }
  const isOld = aged.heardSec !== null && aged.heardSec > BELIEVED_INTERVALS * intervalSec + policy.timeoutMs / 1000;
  const believedNow: Warmth = isOld
    ? { ...aged, belief: 'Unknown', sinceSec: 0, heardSec: null, refused: false, words: 'not asked for long' }
    : aged;
  // A counter that fell is that of a new process, which nothing has warmed.
  if (tokens !== null && last.tokens !== null && tokens < last.tokens) return { ...believedNow, idleSec: aged.waitSec };
  const worked = tokens !== null && last.tokens !== null && tokens > last.tokens;
  // What it does for Loadline alone is told by the answer.
  if (aged.askedSec !== null || !(worked || isActive(believed))) return believedNow;
  return { ...believedNow, ...rested(believedNow.belief) };
}

/** Sidecars or others have requests there. */
function isActive({ inFlight, issued, running = 0, waiting = 0 }: EndpointLoad): boolean {
  return inFlight > 0 || issued > 0 || running > 0 || waiting > 0;
}

/** Who has waited longest first, and no more than would be asked in a few seconds anyway. */
function admitted<T extends { readonly endpoint: Endpoint; readonly policy: KeepWarm }>(
  due: readonly T[],
  state: WarmthState,
): readonly T[] {
  const known = Object.values(state);
  const free = MOST_ASKED - known.filter(({ askedSec }) => askedSec !== null).length;
  const intervalSec = Math.min(...due.map(({ policy }) => policy.intervalMs / 1000));
  const inTick = Math.max(1, Math.ceil((RATE_FACTOR * known.length) / intervalSec));
  const overdueSec = ({ endpoint }: T): number => {
    const { idleSec = 0, waitSec = 0 } = own(state, endpoint.id) ?? {};
    return idleSec - waitSec;
  };
  return due.toSorted((a, b) => overdueSec(b) - overdueSec(a)).slice(0, Math.max(0, Math.min(free, inTick)));
}

function promptOf({ id, address, port }: Endpoint, policy: KeepWarm): Prompt {
  const url = `http://${hostPort(address, policy.port ?? port)}${policy.path}`;
  return { endpoint: id, url, body: policy.body, timeoutMs: policy.timeoutMs };
}

function slowAboveOf({ slowAboveMs, timeoutMs }: KeepWarm, { split }: ModelService): number {
  const ofTiers = split?.kind === 'Tiers' ? split.failover.firstTokenP95AboveMs : undefined;
  return slowAboveMs ?? ofTiers ?? timeoutMs;
}

function tokensOf({ samples, endpoints }: WarmthInput): ReadonlyMap<EndpointId, number> {
  const tokens = new Map<EndpointId, number>();
  const index = indexEndpoints(endpoints);
  for (const { metric, subject, value } of samples) {
    if (metric !== 'generationTokensTotal' || !Number.isFinite(value)) continue;
    const endpoint = endpoints[placeOf(index, subject)];
    if (endpoint !== undefined) tokens.set(endpoint.id, value);
  }
  return tokens;
}

/** In 0..1. By the time as well, so that two Loadlines that started together draw apart from each other. */
function drawOf(id: EndpointId, nowMs: number): number {
  return Number.parseInt(contentHash(`${id} ${nowMs}`).slice(0, 8), 16) / 0xffffffff;
}
