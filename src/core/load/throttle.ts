import { ewma } from './ewma.ts';
import type { EndpointMemory, GpuMemory, ThrottleMemory } from './load-state.ts';
import { clampCapacity } from './plausible.ts';

/** What was told of throttling is believed for so long: Prometheus is asked every 5 s and may miss one. */
const MAX_AGE_MS = 15_000;
/** A clock that was read so lately says how much is lost; see `gpu-clock.ts`. */
const CLOCK_AGE_MS = 5000;
const TAU_SEC = 2;
/**
 * [thr] A GPU that is throttled all the time counts as this much less, as a log: 22 %. It may have lost more than half, or
 * next to nothing; what it gets done will tell, and a reason that lies must not cost much until then.
 */
const DEPTH = 0.25;
const LEAST_STEP = 0.02;
const LEAST_RATIO = 0.1;
const BUSY_SEC = 5;
/** How long a counter that rose counts as rising: twice the time between its rises. */
const LEAST_HOLD_MS = 3000;
const MAX_HOLD_MS = 60_000;

/** What one page told of the throttling of a GPU. */
export type ThrottleReading = {
  readonly ratio?: number;
  /** A counter of seconds; a smaller one than before is a new counter. */
  readonly totalSec?: number;
  /** How often it began within a window. */
  readonly recentCount?: number;
  readonly atMs: number;
};

export function takeThrottle(
  before: ThrottleMemory | undefined,
  reading: ThrottleReading,
  nowMs: number,
): ThrottleMemory {
  const { ratio, totalSec, recentCount, atMs } = reading;
  // As with any counter: an old page that comes again says nothing, unless the clock was set back since.
  if (before !== undefined && atMs <= before.atMs && before.atMs <= nowMs) return before;
  const next: ThrottleMemory = { ...(before ?? NOTHING), atMs };
  if (ratio !== undefined) next.ratio = ratio;
  if (totalSec !== undefined) {
    const rise = totalSec - (next.totalSec ?? totalSec);
    if (rise > 0 && atMs > next.totalAtMs) {
      next.totalRatio = Math.min(1, (rise * 1000) / (atMs - next.totalAtMs));
      const sinceRiseMs = next.riseAtMs === 0 ? MAX_HOLD_MS : atMs - next.riseAtMs;
      next.holdUntilMs = atMs + Math.min(MAX_HOLD_MS, Math.max(LEAST_HOLD_MS, 2 * sinceRiseMs));
      next.riseAtMs = atMs;
    } else if (rise < 0) next.totalRatio = 0;
    next.totalSec = totalSec;
    next.totalAtMs = atMs;
  }
  if (recentCount !== undefined) {
    // A window at its limit stands still while each second brings one and drops one; it falls when no more come.
    const { recentCount: last } = next;
    if (last !== null && recentCount !== last) next.recentRatio = recentCount > last ? 1 : 0;
    next.recentCount = recentCount;
  }
  return next;
}

const NOTHING: ThrottleMemory = {
  atMs: 0,
  ratio: 0,
  totalSec: null,
  totalAtMs: 0,
  totalRatio: 0,
  riseAtMs: 0,
  holdUntilMs: 0,
  recentCount: null,
  recentRatio: 0,
};

/** Share of the time in which the worst device of an endpoint is held down; undefined when nothing fresh says so or not. */
export function throttledRatio(gpus: readonly GpuMemory[], nowMs: number): number | undefined {
  let most: number | undefined;
  for (const { throttle } of gpus) {
    if (throttle === undefined || nowMs - throttle.atMs > MAX_AGE_MS) continue;
    const counted = nowMs <= throttle.holdUntilMs ? throttle.totalRatio : 0;
    most = Math.max(most ?? 0, throttle.ratio, counted, throttle.recentRatio);
  }
  return most;
}

/** Whether the SM clock of any of its devices can be read: then the clock rules, and throttling only explains it. */
export function clockIsHeard(gpus: readonly GpuMemory[], nowMs: number): boolean {
  return gpus.some(({ clockHertz, clockAtMs }) => clockHertz !== null && nowMs - clockAtMs <= CLOCK_AGE_MS);
}

/**
 * [thr] Where no SM clock says how much a throttled GPU has lost, its capacity goes down by a modest step, and up by the same
 * when it ends; in between it is learned from the work, as ever. An idle GPU is not throttled by its load.
 */
export function applyThrottle(memory: EndpointMemory, nowMs: number, elapsedSec: number): void {
  const ratio = throttledRatio(memory.gpus, nowMs);
  const before = memory.throttled;
  // Silence holds what was believed.
  if (ratio === undefined) return;
  const smooth = ewma(before?.ratio ?? 0, ratio, TAU_SEC, elapsedSec);
  const applied = before?.log ?? 0;
  const rules = smooth >= LEAST_RATIO && !clockIsHeard(memory.gpus, nowMs);
  const wanted = rules ? -DEPTH * smooth : 0;
  const log = memory.busySec < BUSY_SEC ? Math.max(wanted, applied) : wanted;
  // What is applied is none, or a quarter of a ratio that counts: the way back to none is never too short a step.
  const step = Math.abs(log - applied) > LEAST_STEP ? log - applied : 0;
  memory.throttled = smooth < LEAST_RATIO ? null : { ratio: smooth, log: applied + step };
  if (step === 0) return;
  memory.logCapacity = clampCapacity(memory.logCapacity + step);
  memory.completions *= Math.exp(step);
  memory.engineWork *= Math.exp(step);
}
