import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Lag above the timer's own period, since the reading before. */
export type EventLoopLag = { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };

/** A seam for the metrics: a reading starts a new window. */
export interface EventLoopLagMeter {
  read(): EventLoopLag;
  stop(): void;
}

const RESOLUTION_MS = 20;
const NS_PER_MS = 1e6;

/**
 * Starts to measure how late this process's timers fire. Node's histogram holds whole intervals, period included: the
 * period is taken off, so that an idle process reads as 0 and not as 20 ms.
 */
export function startEventLoopLag(): EventLoopLagMeter {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const lagMs = (intervalNs: number): number =>
    Number.isFinite(intervalNs) ? Math.max(0, intervalNs / NS_PER_MS - RESOLUTION_MS) : 0;
  return {
    read: () => {
      const lag =
        histogram.count === 0
          ? { p50Ms: 0, p99Ms: 0, maxMs: 0 }
          : {
              p50Ms: lagMs(histogram.percentile(50)),
              p99Ms: lagMs(histogram.percentile(99)),
              maxMs: lagMs(histogram.max),
            };
      histogram.reset();
      return lag;
    },
    stop: () => {
      histogram.disable();
    },
  };
}
