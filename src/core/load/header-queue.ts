import { ewma } from './ewma.ts';
import type { EndpointMemory } from './load-state.ts';
import type { Queue } from './slots.ts';

const TAU_SEC = 10;
/** Servers that send headers at once have a share near 0 here, and so give no queue; above it headers come with tokens. */
const MAX_BASE_SHARE = 0.15;

/** [W10, N10] Follows how many requests wait for their response headers. */
export function followHeaders(memory: EndpointMemory, elapsedSec: number): void {
  memory.pending10 = ewma(memory.pending10, memory.pending, TAU_SEC, elapsedSec);
  memory.inFlight10 = ewma(memory.inFlight10, memory.inFlight, TAU_SEC, elapsedSec);
}

/** [w] The least share of requests without headers over the service: prefill, not queueing. */
export function baseShare(memories: readonly EndpointMemory[]): number | undefined {
  const shares = memories
    .filter(({ inFlight10 }) => inFlight10 > 1)
    .map(({ pending10, inFlight10 }) => pending10 / inFlight10);
  const least = shares.length === 0 ? undefined : Math.min(...shares);
  return least !== undefined && least < MAX_BASE_SHARE ? least : undefined;
}

/**
 * The queue of an engine without metrics, where its server sends headers with the first token: requests that wait far
 * longer for their headers than anywhere else are queued. Noise-gated, because prefill waits too.
 */
export function queueByHeaders(memory: EndpointMemory, base: number, elapsedSec: number): Queue {
  const { pending, inFlight } = memory;
  const excess = Math.max(0, pending - 2 * base * inFlight);
  const noise = excess < Math.max(4, 0.1 * inFlight) || pending < (3 * base + 0.3) * inFlight;
  return { from: 'Headers', waiting: noise ? 0 : excess, running: inFlight - pending, kvUsageRatio: 0, elapsedSec };
}
