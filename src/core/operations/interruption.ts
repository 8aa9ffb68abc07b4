import type { Operation } from './operation.ts';

/** That the machine of an endpoint goes away at a time which nobody here can move. */
export type Interruption = {
  readonly atMs: number;
  /** From then on the endpoint takes nothing new although nobody else does. */
  readonly lastCallMs: number;
};

/**
 * So long before its end even the last endpoint stops taking requests, or half of what is left where that is less. Until then an
 * answer is better than a refusal; what begins later would be cut.
 */
const LAST_CALL_MS = 30_000;
/** A source that still lists the endpoint then is not up to date, or the machine has stayed. */
const LISTED_FOR_MS = 30 * 60_000;

/** What a notice of that time means for an operation that begins now. */
export function interruptionAt(
  atMs: number,
  nowMs: number,
): { readonly interruption: Interruption; readonly endsAtMs: number } {
  const leftMs = Math.max(0, atMs - nowMs);
  return {
    interruption: { atMs, lastCallMs: nowMs + leftMs - Math.min(LAST_CALL_MS, leftMs / 2) },
    endsAtMs: Math.max(atMs, nowMs) + LISTED_FOR_MS,
  };
}

export function interruptionOf(operation: Operation): Interruption | undefined {
  return operation.kind === 'Drain' ? operation.interruption : undefined;
}

/** Whether it is to go on although nobody else is left, and does not yet. */
export function isLastCall(operation: Operation, nowMs: number): boolean {
  const interruption = interruptionOf(operation);
  return interruption !== undefined && !operation.forced && nowMs >= interruption.lastCallMs;
}
