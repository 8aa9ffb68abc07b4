/**
 * Milliseconds since the epoch that never go backwards: wall time at start, then a monotonic clock. Checkpoints compare
 * times over restarts, so it cannot be the monotonic clock alone; a stepped system clock must not look like an outage.
 */
export function startClock(): () => number {
  const startedAtMs = Date.now();
  const origin = performance.now();
  return () => startedAtMs + (performance.now() - origin);
}
