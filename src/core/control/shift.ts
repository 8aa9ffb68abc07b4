import type { EndpointId } from '../topology/index.ts';
import type { PushAcks } from './push-acks.ts';

/**
 * Why a target share moved: the servers' load did it, somebody edited the policy of the service (a drain is an edit too), or
 * endpoints joined or left.
 */
export type ShiftCause = 'Load' | 'Policy' | 'Membership';

/** How the requests of one endpoint followed its target share. Times count from the tick that sensed the change. */
export type Shift = {
  readonly service: string;
  readonly endpoint: EndpointId;
  readonly cause: ShiftCause;
  readonly sensedAtMs: number;
  /** Target share before and after, 0..1. */
  readonly before: number;
  readonly after: number;
  /** Until a changed weight was published; undefined when none was. */
  readonly decidedMs: number | undefined;
  /** Until the last sidecar, and the median one, had taken the first changed weight; undefined when none is known to have. */
  readonly ackedMs: number | undefined;
  readonly medianAckedMs: number | undefined;
  /** Sidecars that refused it, went away, or did not answer in time: nobody waits for them. */
  readonly unacked: number;
  /** Until half and nine tenths of the way were issued; undefined: never. */
  readonly t50Ms: number | undefined;
  readonly t90Ms: number | undefined;
  /** From half of the way in the weights that were sent to half of it in what was issued; undefined where either is. */
  readonly picksMs: number | undefined;
  /** How far what was issued went beyond the target after the change, as a part of it: what drains a slower server's queue. */
  readonly beyondRatio: number;
};

/**
 * One tick of one endpoint: its target share, its part of the weights that were sent, and the requests that it and all were
 * issued since the one before.
 */
export type Moment = {
  readonly atMs: number;
  readonly target: number;
  readonly weight: number;
  readonly issued: number;
  readonly all: number;
};

/** A share that is to be nothing, as far as logarithms go. */
export const NO_SHARE = 1e-4;

/** Counts of one second are noise: they are read over so many ticks. */
const SMOOTH_TICKS = 3;
/** A weight that moved by less cannot be told from its grid. */
const LEAST_WAY = 0.1;

export function shiftOf(
  moments: readonly Moment[],
  move: {
    readonly rest: number;
    readonly goal: number;
    readonly sensedAtMs: number;
    readonly decidedAtMs: number | undefined;
    readonly acks: PushAcks | undefined;
  },
): Omit<Shift, 'service' | 'endpoint' | 'cause'> {
  const { rest, goal, sensedAtMs, decidedAtMs, acks } = move;
  const way = moments.flatMap(({ atMs }, at) => {
    const window = moments.slice(Math.max(0, at - SMOOTH_TICKS + 1), at + 1);
    const all = window.reduce((sum, one) => sum + one.all, 0);
    if (atMs < sensedAtMs || all === 0) return [];
    const share = window.reduce((sum, one) => sum + one.issued, 0) / all;
    return [{ tookMs: atMs - sensedAtMs, done: (share - rest) / (goal - rest) }];
  });
  const reached = (part: number): number | undefined => way.find(({ done }) => done >= part)?.tookMs;
  const most = Math.max(1, ...way.map(({ done }) => done));
  const t50Ms = reached(0.5);
  const decidedMs = decidedAtMs === undefined ? undefined : decidedAtMs - sensedAtMs;
  const after = (ms: number | undefined): number | undefined =>
    ms === undefined || decidedMs === undefined ? undefined : decidedMs + ms;
  return {
    sensedAtMs,
    before: rest,
    after: goal,
    decidedMs,
    ackedMs: after(acks?.lastMs),
    medianAckedMs: after(acks?.medianMs),
    unacked: acks?.missing ?? 0,
    t50Ms,
    t90Ms: reached(0.9),
    picksMs: picksOf(moments, sensedAtMs, t50Ms),
    beyondRatio: goal <= 2 * NO_SHARE ? 0 : ((most - 1) * Math.abs(goal - rest)) / goal,
  };
}

/** Counts are read over the last ticks, so they tell the middle of those; a least_request that sensed it first gains nothing. */
function picksOf(moments: readonly Moment[], sensedAtMs: number, t50Ms: number | undefined): number | undefined {
  const [from, to] = [moments.findLast(({ atMs }) => atMs < sensedAtMs), moments.at(-1)];
  if (from === undefined || to === undefined || t50Ms === undefined) return undefined;
  const way = to.weight - from.weight;
  if (Math.abs(way) < LEAST_WAY * from.weight) return undefined;
  const half = moments.find(({ atMs, weight }) => atMs >= sensedAtMs && (weight - from.weight) / way >= 0.5);
  if (half === undefined) return undefined;
  const spacingMs = (to.atMs - (moments[0] as Moment).atMs) / (moments.length - 1);
  return Math.max(0, sensedAtMs + t50Ms - half.atMs - (spacingMs * (SMOOTH_TICKS - 1)) / 2);
}
