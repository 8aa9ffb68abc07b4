import type { EndpointId } from '../topology/index.ts';

/** How the requests of one endpoint followed its target share. Times count from the tick that sensed the change. */
export type Shift = {
  readonly service: string;
  readonly endpoint: EndpointId;
  readonly sensedAtMs: number;
  /** Target share before and after, 0..1. */
  readonly before: number;
  readonly after: number;
  /** Until a changed weight was published; undefined when none was. */
  readonly decidedMs: number | undefined;
  /** Until half and nine tenths of the way were issued; undefined: never. */
  readonly t50Ms: number | undefined;
  readonly t90Ms: number | undefined;
  /** How far what was issued went beyond the target after the change, as a part of it: what drains a slower server's queue. */
  readonly beyondRatio: number;
};

/** One tick of one endpoint: its target share, and the requests that it and all were issued since the one before. */
export type Moment = { readonly atMs: number; readonly target: number; readonly issued: number; readonly all: number };

/** Counts of one second are noise: they are read over so many ticks. */
const SMOOTH_TICKS = 3;

export function shiftOf(
  moments: readonly Moment[],
  move: {
    readonly rest: number;
    readonly goal: number;
    readonly sensedAtMs: number;
    readonly decidedAtMs: number | undefined;
  },
): Omit<Shift, 'service' | 'endpoint'> {
  const { rest, goal, sensedAtMs, decidedAtMs } = move;
  const way = moments.flatMap(({ atMs }, at) => {
    const window = moments.slice(Math.max(0, at - SMOOTH_TICKS + 1), at + 1);
    const all = window.reduce((sum, one) => sum + one.all, 0);
    if (atMs < sensedAtMs || all === 0) return [];
    const share = window.reduce((sum, one) => sum + one.issued, 0) / all;
    return [{ tookMs: atMs - sensedAtMs, done: (share - rest) / (goal - rest) }];
  });
  const reached = (part: number): number | undefined => way.find(({ done }) => done >= part)?.tookMs;
  const most = Math.max(1, ...way.map(({ done }) => done));
  return {
    sensedAtMs,
    before: rest,
    after: goal,
    decidedMs: decidedAtMs === undefined ? undefined : decidedAtMs - sensedAtMs,
    t50Ms: reached(0.5),
    t90Ms: reached(0.9),
    beyondRatio: ((most - 1) * Math.abs(goal - rest)) / goal,
  };
}
