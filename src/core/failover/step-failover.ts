import type { EndpointLoad, ServiceLoad } from '../load/index.ts';
import type { Split } from '../policy/index.ts';
import type { Endpoint, EndpointId, Sample } from '../topology/index.ts';
import type { ServiceDecision } from '../weights/index.ts';
import { type FailoverCause, type FailoverState, INITIAL_FAILOVER } from './failover-state.ts';
import { coldWords, failoverWords } from './failover-words.ts';
import { percentileOf, stepFirstTokens } from './first-tokens.ts';
import { isGivenUp, NO_FLOW, stepFlow, sumOf } from './flow.ts';
import { type Room, roomOf } from './room.ts';

export type Tiers = Extract<Split, { kind: 'Tiers' }>;

export type FailoverInput = {
  readonly nowMs: number;
  readonly elapsedSec: number;
  readonly split: Tiers;
  /** In the order of the beliefs. */
  readonly endpoints: readonly Endpoint[];
  readonly load: ServiceLoad;
  readonly decision: ServiceDecision;
  readonly samples: readonly Sample[];
  /** Who is known not to answer prompts of Loadline's own in time. */
  readonly cold: ReadonlySet<EndpointId>;
  /** An operator holds the service as it is. */
  readonly frozen: boolean;
  /** The overload ladder sends some of the requests to a pool of its own choice: that the first tier lacks them says nothing. */
  readonly diverted: boolean;
};

const MAX_TICK_SEC = 5;
/** The window is half of `returnAfter`, within these: what was slow before is forgotten when the wait is over. */
const WINDOW_PART = 0.5;
const WINDOW_MIN_SEC = 5;
const WINDOW_MAX_SEC = 30;
/** What sidecars do is looked at over a tenth of `returnAfter`. */
const FLOW_PART = 0.1;
const FLOW_MIN_SEC = 1;
const FLOW_MAX_SEC = 6;
/** Above the limit for so long gives a tier up; at so much of the limit it is well again. */
const SLOW_SEC = 3;
const CLEAR_RATIO = 0.8;
/** The sidecars have given a tier up for so long. */
const MISSING_SEC = 2;
/** Errors of a tier that is well. */
const WELL_ERRORS_PER_SEC = 0.1;
/** In a hundred requests: how fast a tier is given up, and the steps that sidecars are told; down sooner than up. */
const GIVE_UP_PER_SEC = 25;
const STEP_UP = 5;
const STEP_UP_PART = 0.25;
const STEP_DOWN = 2;
/** Requests come back over half of `returnAfter`, within these. */
const RAMP_PART = 0.5;
const RAMP_MIN_SEC = 5;
const RAMP_MAX_SEC = 60;
/**
 * A tier that is given up again within ten times `returnAfter` of its return waits ten times as long, then twice that, and so on: so
 * one that is well and ill by turns takes the requests with it once in that time.
 */
const REPEAT_FACTOR = 10;
const MAX_REPEATS = 3;

/**
 * One tick of failover between the first two tiers of a service that have anybody.
 *
 * Envoy alone goes to the next tier when nobody of the first can take requests, and back as soon as somebody can. Here is what it does
 * not do: it gives up a tier that is slow and not dead, it asks whether the next one can hold what comes, and it waits before it
 * goes back. What is decided is one number, the part of the requests for the next tier; `core/resources` says how Envoy is told.
 */
export function stepFailover(stored: FailoverState | undefined, input: FailoverInput): FailoverState {
  const { split, endpoints, load, decision } = input;
  const { tiers, failover } = split;
  const dtSec = Math.min(MAX_TICK_SEC, Math.max(0, input.elapsedSec));
  const returnAfterSec = failover.returnAfterMs / 1000;
  const tierOf = ({ pool }: Endpoint): number => tiers.findIndex((tier) => tier.includes(pool));
  const before = stored ?? INITIAL_FAILOVER;
  const firstTokens = stepFirstTokens(before.firstTokens, {
    nowMs: input.nowMs,
    // All of it: after hours away nothing of before them says how fast a tier is.
    elapsedSec: Math.max(0, input.elapsedSec),
    windowSec: clamp(WINDOW_PART * returnAfterSec, WINDOW_MIN_SEC, WINDOW_MAX_SEC),
    samples: input.samples,
    endpoints,
    tierOf,
    tiers: failover.firstTokenP95AboveMs === undefined ? 0 : tiers.length,
  });
  const measured = tiers.map((_, tier) => percentileOf(firstTokens, tier));

  const takes = new Set(decision.endpoints.flatMap(({ id, health }) => (health === 'Healthy' ? [id] : [])));
  const members = tiers.map((): EndpointLoad[] => []);
  for (const [place, endpoint] of endpoints.entries()) {
    const believed = load.endpoints[place];
    if (believed !== undefined && takes.has(endpoint.id)) members[tierOf(endpoint)]?.push(believed);
  }
  const [from = 0, to = null] = [...members.keys()].filter((tier) => (members[tier] as EndpointLoad[]).length > 0);
  const about = [from, to].map((tier) => (tier === null ? '' : tiers[tier]?.join(','))).join(' > ');
  const same = before.about === about ? before : { ...INITIAL_FAILOVER, about };
  const next: FailoverState = { ...same, from, to, firstTokens, measured };
  if (to === null) {
    const state = { ...next, ...HOME, flow: NO_FLOW };
    return { ...state, reason: failoverWords(state, split) };
  }

  const [first, second] = [members[from] as EndpointLoad[], members[to] as EndpointLoad[]];
  const flow = stepFlow(same.flow, {
    dtSec,
    windowSec: clamp(FLOW_PART * returnAfterSec, FLOW_MIN_SEC, FLOW_MAX_SEC),
    percent: same.percent,
    diverted: input.diverted,
    from: first,
    to: second,
  });
  const seen = { ...next, flow };
  if (input.frozen) return { ...seen, reason: `${failoverWords(seen, split)}; an operator holds it so` };
  const limitSec = (failover.firstTokenP95AboveMs ?? Number.POSITIVE_INFINITY) / 1000;
  const p95 = (tier: number): number => measured[tier]?.p95Sec ?? 0;
  const isSlow = p95(from) > limitSec;
  const givenUp = isGivenUp(flow);
  const timed: FailoverState = {
    ...seen,
    phaseSec: seen.phaseSec + dtSec,
    slowSec: isSlow ? seen.slowSec + dtSec : 0,
    missingSec: givenUp ? seen.missingSec + dtSec : 0,
    wellSec: p95(from) <= CLEAR_RATIO * limitSec && !givenUp && isAlive(first) ? seen.wellSec + dtSec : 0,
    sinceReturnSec: seen.sinceReturnSec === null ? null : seen.sinceReturnSec + dtSec,
  };
  // Where the sidecars went by themselves the requests show how it is there.
  const cold = timed.cause === 'Envoy' || givenUp ? NOBODY : input.cold;
  const room = roomOf(flow, load, second, first, cold);
  const isCold = second.every(({ id }) => cold.has(id));
  const decided = decide(timed, { dtSec, returnAfterSec, room, nextIsSlow: p95(to) > limitSec || isCold });
  const state = told(decided);
  const coldOnes = second.filter(({ id }) => input.cold.has(id)).length;
  return {
    ...state,
    reason: `${failoverWords(state, split, room)}${coldWords(state, split, coldOnes, second.length)}`,
  };
}

const NOBODY: ReadonlySet<EndpointId> = new Set();

const HOME = { phase: 'Home', cause: null, wanted: 0, percent: 0, slowSec: 0, missingSec: 0, wellSec: 0 } as const;

type Facts = {
  readonly dtSec: number;
  readonly returnAfterSec: number;
  readonly room: Room;
  readonly nextIsSlow: boolean;
};

function decide(state: FailoverState, facts: Facts): FailoverState {
  const { dtSec, returnAfterSec, room, nextIsSlow } = facts;
  if (state.phase === 'Away') {
    if (state.wellSec < state.holdSec) return { ...state, wanted: moved(state, room, nextIsSlow, dtSec) };
    return { ...state, phase: 'Returning', phaseSec: 0, slowSec: 0, missingSec: 0, sinceReturnSec: 0 };
  }
  const cause = causeOf(state, nextIsSlow);
  if (cause !== undefined) {
    const trip = tripped(state, cause, returnAfterSec);
    return { ...trip, wanted: moved(trip, room, nextIsSlow, dtSec) };
  }
  if (state.phase === 'Home') {
    const longAgo = state.sinceReturnSec !== null && state.sinceReturnSec > REPEAT_FACTOR * returnAfterSec;
    return longAgo ? { ...state, sinceReturnSec: null, repeats: 0 } : state;
  }
  const rampSec = clamp(RAMP_PART * returnAfterSec, RAMP_MIN_SEC, RAMP_MAX_SEC);
  const wanted = Math.max(0, Math.min(state.wanted - (100 / rampSec) * dtSec, room.percent));
  return wanted > 0 ? { ...state, wanted } : { ...state, ...HOME, phaseSec: 0 };
}

function causeOf({ slowSec, missingSec }: FailoverState, nextIsSlow: boolean): FailoverCause | undefined {
  if (missingSec >= MISSING_SEC) return 'Envoy';
  // From a slow tier to a slow or a cold one nobody gains.
  return slowSec >= SLOW_SEC && !nextIsSlow ? 'FirstToken' : undefined;
}

function tripped(state: FailoverState, cause: FailoverCause, returnAfterSec: number): FailoverState {
  const repeats = state.sinceReturnSec === null ? 0 : Math.min(MAX_REPEATS, state.repeats + 1);
  const holdSec = returnAfterSec * (repeats === 0 ? 1 : REPEAT_FACTOR * 2 ** (repeats - 1));
  return { ...state, phase: 'Away', cause, phaseSec: 0, wellSec: 0, repeats, holdSec };
}

/** As much as the next tier has room for, not all at once; nothing more to one that is slow or cold itself. */
function moved(state: FailoverState, room: Room, nextIsSlow: boolean, dtSec: number): number {
  const { wanted } = state;
  return Math.min(mostOf(state, room), nextIsSlow ? wanted : wanted + GIVE_UP_PER_SEC * dtSec);
}

/** What the sidecars have sent to the next tier by themselves stays there while it holds it: what it completes shows that late. */
function mostOf({ cause, missingSec, wanted }: FailoverState, { percent, free }: Room): number {
  if (cause !== 'Envoy' || !free) return percent;
  return missingSec > 0 ? 100 : Math.max(wanted, percent);
}

/** An engine is heard, or none ever was, and nothing fails. */
function isAlive(loads: readonly EndpointLoad[]): boolean {
  return (
    loads.some(({ engine }) => engine !== 'Stale') && sumOf(loads, (one) => one.errorsPerSec) < WELL_ERRORS_PER_SEC
  );
}

/** What sidecars are told moves in steps: each is a push to all of them. */
function told(state: FailoverState): FailoverState {
  const { wanted, percent } = state;
  const isEnd = wanted === 0 || wanted === 100;
  const up = Math.min(STEP_UP, Math.max(1, STEP_UP_PART * percent));
  return isEnd || wanted >= percent + up || wanted <= percent - STEP_DOWN
    ? { ...state, percent: Math.floor(wanted) }
    : state;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
