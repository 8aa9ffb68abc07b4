import type { Random } from './random.ts';

export type Backoff = { readonly baseMs: number; readonly maxMs: number };

/**
 * Delay before try `failures + 1` after `failures` failures in a row: exponential, capped, with full jitter in its
 * upper half, so that many callers that failed together do not come back together.
 */
export function backoffMs(backoff: Backoff, failures: number, random: Random): number {
  const ceiling = Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.max(0, failures - 1));
  return ceiling / 2 + random() * (ceiling / 2);
}
