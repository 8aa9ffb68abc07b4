/**
 * What comes from outside may be anything. A value that is missing, not a number or out of its range is absent: it neither
 * moves a belief nor stops a tick.
 */
export function plausible(value: number | null | undefined, min: number, max: number): number | undefined {
  return typeof value === 'number' && value >= min && value <= max ? value : undefined;
}

/** More requests than any engine or sidecar holds: beyond it a counter is broken. */
export const MAX_REQUESTS = 1e6;

/** Tokens since the start of a process; at a million tokens a second an engine needs thirty years to get there. */
export const MAX_TOKENS = 1e15;

/** Epoch milliseconds up to the year 2255. */
export const MAX_EPOCH_MS = 9e12;

/** Interval averages overshoot a little; a ratio beyond this is in another unit, or broken. */
export const MAX_OVERSHOOT = 1.05;

/** A conflict is a number; what exporters write for "blank" (2^31 − 16, 2^47, 2^63 − 16) is none. */
const MAX_CONFLICT = 1e6;

/** Whether a ratio says something that cannot be, rather than nothing. */
export function isConflict(ratio: number): boolean {
  return ratio > MAX_OVERSHOOT && ratio <= MAX_CONFLICT;
}

export function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

/** [clamp] Capacity, a natural log, is believed between 1/20 and 20 times the mean, whatever moved it. */
export function clampCapacity(logCapacity: number): number {
  return clamp(logCapacity, -3, 3);
}
