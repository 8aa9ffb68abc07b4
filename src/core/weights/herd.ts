import { emptyRecord } from '../../base/units/index.ts';
import type { EndpointId } from '../topology/index.ts';

/**
 * The law watches itself. Weights that are steered on news from too long ago swing: traffic crowds where it was empty, is
 * chased off, and crowds again. The gain has a margin of four for every delay that is measured; this is the defence against
 * one that is not.
 *
 * A herd is told by the weights: an endpoint's weight turns again and again after swings that do not die down, in even
 * times, and each turn answers its own in-flight, which went the other way. Noise turns weights too, so a swing counts beyond
 * what in-flight of that size does by chance, and two endpoints have to swing: what one gains, another loses.
 */
export type HerdState = {
  /** Factor on the gain, 1/8..1. */
  readonly damping: number;
  /** When a herd was seen last; null: never. */
  readonly alarmedAtMs: number | null;
  readonly swings: Readonly<Record<EndpointId, Swing>>;
};

/** One endpoint's weight (log) between two turns. */
export type Swing = {
  readonly direction: 1 | -1;
  /** Where the weight turned last. */
  readonly turn: number;
  readonly turnedAtMs: number;
  /** The farthest since, and the deviation of in-flight then. */
  readonly extreme: number;
  readonly extremeAtMs: number;
  readonly deviation: number;
  /** Of the swing before: its size, and how long it took. */
  readonly lastSize: number;
  readonly lastMs: number;
  /** Swings in a row that look like a herd's. */
  readonly count: number;
};

export type HerdMember = {
  readonly id: EndpointId;
  /** Log weight that stands. */
  readonly weight: number;
  /** [e] */
  readonly deviation: number;
  readonly inFlight: number;
};

/** A smaller swing is within what dead band and noise do together. */
const LEAST_SWING = 0.4;
/** Of requests in flight, the log is off by 1/√(N+1) by chance: a swing counts beyond so many times that. */
const NOISE_TIMES = 2;
const SWINGS = 4;
const ENDPOINTS = 2;
/** A swing that is so much smaller than the one before, or takes so much longer or shorter, is no oscillation's. */
const SUSTAINED = 0.6;
const EVEN = 2.5;
const SHORTEST_MS = 2_000;
const LONGEST_MS = 90_000;
const HALVED = 0.5;
const LEAST_DAMPING = 1 / 8;
/** A tenth in a minute: ten times slower than any oscillation that it should not wake again. */
const RECOVERY_PER_SEC = Math.log(1.1) / 60;

const CALM: HerdState = { damping: 1, alarmedAtMs: null, swings: {} };

/** One tick after the decision. The damping holds from the next tick on. */
export function stepHerd(
  before: HerdState = CALM,
  input: { readonly nowMs: number; readonly elapsedSec: number; readonly members: readonly HerdMember[] },
): HerdState {
  const { nowMs, elapsedSec, members } = input;
  const swings = emptyRecord<Swing>();
  let swinging = 0;
  for (const member of members) {
    const swing = stepSwing(before.swings[member.id], member, nowMs);
    swings[member.id] = swing;
    if (swing.count >= SWINGS) swinging += 1;
  }
  if (swinging < ENDPOINTS) {
    const damping = Math.min(1, before.damping * Math.exp(RECOVERY_PER_SEC * elapsedSec));
    return { damping, alarmedAtMs: before.alarmedAtMs, swings };
  }
  for (const { id } of members) swings[id] = { ...(swings[id] as Swing), count: 0 };
  const damping = Math.max(LEAST_DAMPING, before.damping * HALVED);
  return { damping, alarmedAtMs: nowMs, swings };
}

function stepSwing(before: Swing | undefined, { weight, deviation, inFlight }: HerdMember, nowMs: number): Swing {
  if (before === undefined) return begin(weight, deviation, nowMs);
  const { direction, extreme } = before;
  if ((weight - extreme) * direction >= 0) {
    if (weight === extreme) return before;
    // Field by field: V8 takes microseconds to spread an object of many numbers, and this is done for every endpoint.
    return {
      direction,
      turn: before.turn,
      turnedAtMs: before.turnedAtMs,
      extreme: weight,
      extremeAtMs: nowMs,
      deviation,
      lastSize: before.lastSize,
      lastMs: before.lastMs,
      count: before.count,
    };
  }
  const noise = NOISE_TIMES / Math.sqrt(inFlight + 1);
  const back = (extreme - weight) * direction;
  if (back < Math.max(LEAST_SWING, noise)) return before;
  const size = Math.abs(extreme - before.turn);
  const tookMs = before.extremeAtMs - before.turnedAtMs;
  const answers = (deviation - before.deviation) * direction >= noise;
  const swings = size >= Math.max(LEAST_SWING, noise) && tookMs >= SHORTEST_MS && tookMs <= LONGEST_MS;
  const even =
    before.count === 0 ||
    (size >= SUSTAINED * before.lastSize && tookMs <= EVEN * before.lastMs && before.lastMs <= EVEN * tookMs);
  return {
    direction: direction === 1 ? -1 : 1,
    turn: extreme,
    turnedAtMs: before.extremeAtMs,
    extreme: weight,
    extremeAtMs: nowMs,
    deviation,
    lastSize: size,
    lastMs: tookMs,
    count: !answers || !swings ? 0 : even ? before.count + 1 : 1,
  };
}

function begin(weight: number, deviation: number, nowMs: number): Swing {
  return {
    direction: 1,
    turn: weight,
    turnedAtMs: nowMs,
    extreme: weight,
    extremeAtMs: nowMs,
    deviation,
    lastSize: 0,
    lastMs: 0,
    count: 0,
  };
}
