import type { ServiceLoad } from '../load/index.ts';
import type { Endpoint } from '../topology/index.ts';
import { earlyReachOf, effortFor, type GivenUp, givenUpAt, type Ladder, orderOf, passOf, reachOf } from './ladder.ts';
import { INITIAL_OVERLOAD, type OverloadState } from './overload-state.ts';
import { type Saturation, saturationOf } from './saturation.ts';

export type OverloadInput = {
  readonly nowMs: number;
  readonly elapsedSec: number;
  /** Of the servers that the ladder is to relieve: see {@link relievedBy}. */
  readonly load: ServiceLoad;
  /** In the order of the beliefs. */
  readonly endpoints: readonly Endpoint[];
  readonly ladder: Ladder;
};

const MAX_TICK_SEC = 5;
const SATURATION_TAU_SEC = 2;
/** Rates are averaged over a fifth of a request, within these: requests that take long come seldom. */
const RATE_TAU_PART = 0.2;
const RATE_TAU_MIN_SEC = 2;
const RATE_TAU_MAX_SEC = 6;
/**
 * How fast a distance from the target is closed. Three times the lag of the inner loop (averaging, smoothing, and two seconds
 * until a decision is in the next reports), so that the outer loop does not ring.
 */
const FILL_TAU_SEC = 18;
const FILL_TAU_PART = 0.75;
/** While it sheds, the service is held there between `leaveAt` and `enterAt`: full batches, short queues. */
const TARGET_PART = 0.75;
/** From so far above the target on it is closed faster: that far no noise reaches. */
const FAR = 0.5;
const FAR_TAU_SEC = 10;
/** Below the target the servers are not full: they complete in proportion to what they have, so as much more is wanted. */
const MOST_WANTED = 2;
/** However long the queue: with nothing let in, nothing is learned of who asks, and all of them would come back at once. */
const LEAST_WANTED = 0.25;
/** A gap of more than a factor of two is no noise: it is closed in one step. */
const JUMP_FROM = 0.7;
const SMOOTH_SEC = 4;
/** Effort given back in a second: slowly while the servers are full, so that who returns is seen before the next come. */
const SLOW_FALL_PER_SEC = 0.25;
/** Below `leaveAt` all of it is given back within so long. */
const LIFT_WITHIN_SEC = 8;
/** Percentages move in steps of a tenth of what passes. */
const STEP = 0.1;
const NOTHING = 0.05;
/** As long as the runtime layer would outlive the controller. */
const HOLD_UNKNOWN_SEC = 15;
/** An overload of so long ago says nothing about now. */
const FORGET_AFTER_SEC = 300;
const MAX_TOLD = 2;
const TOLD_WITHIN_MS = 60_000;

/**
 * One tick of the overload ladder of a service.
 *
 * Requests take seconds to minutes, so what is in flight is the sum of a long past: a controller on in-flight alone acts late, and
 * then too long. But both ends of that sum are known, from conservation: what sidecars let in, and what was completed. What is
 * let in over the part that was let through is what is offered, and what may be let in is what is completed plus what the
 * distance from the target allows. So the effort wanted is the logarithm of one over the other. (Written out, it is a
 * PI controller in velocity form whose gain is scaled with request time and load, here with the scaling measured. There is no
 * integral that could wind up: offered load is measured anew each tick.)
 *
 * Classes that are shed may be a part of the load only; then what passes is overestimated, the step too short, and the next
 * tick finds the rest.
 */
export function stepOverload(stored: OverloadState | undefined, input: OverloadInput): OverloadState {
  const { nowMs, load, endpoints, ladder } = input;
  const before = on(ladder, lapsed(stored ?? INITIAL_OVERLOAD, input.elapsedSec));
  const dt = Math.min(MAX_TICK_SEC, Math.max(0, input.elapsedSec));
  const measured = saturationOf(load, endpoints);
  const rates = load.loadReports === 'Silent' ? before : ratesOf(before, load, dt);
  const reach = reachOf(ladder);
  const decided =
    measured.kind === 'Unknown'
      ? unknown(before, reach, dt)
      : decide(before, rates, measured, { ladder, reach, dt, requestTimeSec: load.requestTimeSec });
  const sent = sentOf(before, decided.effort, ladder, reach);
  const told = toldOf(before, sent.level, nowMs);
  // Field by field: V8 takes microseconds to spread objects of numbers, and a tick makes one for every service.
  return {
    saturation: decided.saturation,
    unknownSec: decided.unknownSec,
    effort: decided.effort,
    active: decided.active,
    sentEffort: sent.sentEffort,
    passed: sent.passed,
    percents: sent.percents,
    degrades: sent.degrades,
    level: sent.level,
    told: told.told,
    toldAtMs: told.toldAtMs,
    words: measured.words,
    admittedPerSec: rates.admittedPerSec,
    completedPerSec: rates.completedPerSec,
    passRatio: rates.passRatio,
    inFlight: rates.inFlight,
    order: before.order,
    rungs: ladder.rungs.length,
  };
}

type Rates = Pick<OverloadState, 'admittedPerSec' | 'completedPerSec' | 'passRatio' | 'inFlight'>;
type Decided = Pick<OverloadState, 'saturation' | 'unknownSec' | 'effort' | 'active'>;
type Sent = GivenUp & Pick<OverloadState, 'sentEffort' | 'passed' | 'level'>;

/** Sidecars shed nothing any more then. Who is back in minutes goes on where the overload stood; of later than that it is a guess. */
function lapsed(state: OverloadState, elapsedSec: number): OverloadState {
  const { told, toldAtMs } = state;
  return elapsedSec > FORGET_AFTER_SEC ? { ...INITIAL_OVERLOAD, told, toldAtMs } : state;
}

/** A window that opens, or an edit, makes another ladder: what is given up of each class stays, as far as it may be. */
function on(ladder: Ladder, state: OverloadState): OverloadState {
  const order = orderOf(ladder);
  if (state.order === order) return state;
  const effort = effortFor(ladder, { percents: state.percents, degrades: state.degrades ?? {} });
  return { ...state, order, effort, sentEffort: effort };
}

/** What came in and what was completed since the last tick, by conservation: a stream counts when it ends, not when it begins. */
function ratesOf(
  { admittedPerSec, completedPerSec, passRatio, passed, inFlight: last }: OverloadState,
  { endpoints, requestTimeSec }: ServiceLoad,
  dt: number,
): Rates {
  const inFlight = endpoints.reduce((sum, one) => sum + Math.max(0, one.inFlight - one.foreign), 0);
  if (dt <= 0) return { admittedPerSec, completedPerSec, passRatio, inFlight };
  const issued = endpoints.reduce((sum, one) => sum + one.issued, 0);
  const completed = Math.max(0, issued - (inFlight - last));
  const tau = Math.min(RATE_TAU_MAX_SEC, Math.max(RATE_TAU_MIN_SEC, RATE_TAU_PART * requestTimeSec));
  const k = 1 - Math.exp(-dt / tau);
  return {
    admittedPerSec: admittedPerSec + k * (issued / dt - admittedPerSec),
    completedPerSec: completedPerSec + k * (completed / dt - completedPerSec),
    // Reports of the last second are of requests that came after the last decision or after the one before it.
    passRatio: passRatio + k * ((passed[0] + passed[1]) / 2 - passRatio),
    inFlight,
  };
}

/** What was begun is held for a while, as the sidecars would hold it, and then let go: nothing is shed on a guess. */
function unknown(state: OverloadState, reach: number, dt: number): Decided {
  const unknownSec = state.unknownSec + dt;
  const fall = unknownSec > HOLD_UNKNOWN_SEC ? (reach / LIFT_WITHIN_SEC) * dt : 0;
  const effort = moved(state.effort, -fall, reach);
  return { saturation: null, unknownSec, effort, active: effort > 0 };
}

function decide(
  state: OverloadState,
  { admittedPerSec, completedPerSec, passRatio }: Rates,
  { ratio, slots }: Extract<Saturation, { kind: 'Known' }>,
  {
    ladder,
    reach,
    dt,
    requestTimeSec,
  }: { readonly ladder: Ladder; readonly reach: number; readonly dt: number; readonly requestTimeSec: number },
): Decided {
  const k = 1 - Math.exp(-dt / SATURATION_TAU_SEC);
  const saturation = state.saturation === null ? ratio : state.saturation + k * (ratio - state.saturation);
  const { leaveAt, enterAt, early } = ladder;
  const begins = saturation >= (early > 0 ? leaveAt : enterAt);
  const active = reach > 0 && (state.active ? state.effort > 0 || saturation >= leaveAt : begins);
  if (!active) return { saturation, unknownSec: 0, effort: 0, active };
  const room = TARGET_PART * (enterAt - leaveAt);
  const target = state.effort < earlyReachOf(ladder) ? leaveAt : leaveAt + room;
  const fillSec = FILL_TAU_SEC + FILL_TAU_PART * requestTimeSec;
  const far = Math.max(0, ratio - target - FAR);
  const filling = ((target - ratio) / fillSec - far / FAR_TAU_SEC) * slots;
  const below = Math.min(MOST_WANTED, target / saturation);
  const wanted =
    saturation < target
      ? Math.max(completedPerSec + filling, completedPerSec * below)
      : Math.max(completedPerSec + filling, completedPerSec * LEAST_WANTED);
  const gap = gapOf(admittedPerSec / passRatio, wanted) - state.effort;
  const effort = moved(
    state.effort,
    moveOf(gap, { dt, reach, full: saturation >= target - room, far: far > 0 }),
    reach,
  );
  return { saturation, unknownSec: 0, effort, active: effort > 0 || saturation >= leaveAt };
}

/** Effort with which of the offered load just the wanted passes; below 0 where more is wanted than there is. */
function gapOf(offeredPerSec: number, wantedPerSec: number): number {
  if (offeredPerSec <= 1e-9) return Number.NEGATIVE_INFINITY;
  // A service that completes nothing, and is full: as much as there is effort.
  if (wantedPerSec <= 1e-9) return Number.POSITIVE_INFINITY;
  return Math.log(offeredPerSec / wantedPerSec);
}

function moveOf(
  gap: number,
  { dt, reach, full, far }: { dt: number; reach: number; full: boolean; far: boolean },
): number {
  if (dt <= 0) return 0;
  const smooth = Math.min(1, dt / SMOOTH_SEC);
  if (gap >= 0) return gap > JUMP_FROM || far ? gap : gap * smooth;
  if (full) return Math.max(gap * smooth, -SLOW_FALL_PER_SEC * dt);
  return Math.max(gap, (-reach / LIFT_WITHIN_SEC) * dt);
}

function moved(effort: number, by: number, reach: number): number {
  const next = Math.min(reach, Math.max(0, effort + by));
  return by < 0 && next < NOTHING ? 0 : next;
}

const NOTHING_GIVEN_UP: GivenUp & { readonly level: number } = { percents: {}, degrades: {}, level: 0 };

/** What sidecars are told moves in steps: each is a push to all of them. */
function sentOf(before: OverloadState, effort: number, ladder: Ladder, reach: number): Sent {
  const isEnd = effort === 0 || effort === reach;
  const last = Math.min(reach, before.sentEffort);
  const sentEffort = isEnd || Math.abs(effort - last) >= STEP ? effort : last;
  const { percents, degrades, level } = sentEffort > 0 ? givenUpAt(ladder, sentEffort) : NOTHING_GIVEN_UP;
  return { sentEffort, passed: [passOf(sentEffort), before.passed[0]], percents, degrades, level };
}

/** The timeline hears of a level at most twice a minute, and of the last one in any case. */
function toldOf(
  { told, toldAtMs }: OverloadState,
  level: number,
  nowMs: number,
): Pick<OverloadState, 'told' | 'toldAtMs'> {
  if (level === told) return { told, toldAtMs };
  // One that lies ahead is of a clock that was set back.
  const recent = toldAtMs.filter((atMs) => atMs <= nowMs && nowMs - atMs < TOLD_WITHIN_MS);
  if (recent.length >= MAX_TOLD) return { told, toldAtMs };
  return { told: level, toldAtMs: [...recent, nowMs] };
}
