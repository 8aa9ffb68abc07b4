import type { ServiceLoad } from '../load/index.ts';

/** A quarter of what theory allows: the loop stays stable with a margin of four at every delay. */
const MARGIN = 0.35;
const MAX_GAIN = 2;
const REPORT_DELAY_SEC = 1;
const START_SEC = 20;
const START_REQUEST_TIME_SEC = 3;
const START_IN_FLIGHT = 2;

/**
 * [K] How strongly a deviation of pressure moves a share. Longer requests and shorter delays allow more; what
 * `least_request` already balances by itself (requests in flight per sidecar) needs less.
 */
export function proportionalGain(load: ServiceLoad, leastRequest: boolean, tickSec: number): number {
  const delaySec = load.loadReports === 'Fresh' ? REPORT_DELAY_SEC : Math.max(load.engineDelaySec, REPORT_DELAY_SEC);
  const loopSec = delaySec + tickSec + 0.5;
  const inFlight = load.meanInFlightPerSidecar;
  const gain = Math.min(MAX_GAIN, (MARGIN * load.requestTimeSec) / loopSec) / (leastRequest ? 1 + inFlight : 1);
  if (load.ageSec >= START_SEC) return gain;
  return Math.min(gain, (MARGIN * START_REQUEST_TIME_SEC) / loopSec / (1 + Math.max(inFlight, START_IN_FLIGHT)));
}
