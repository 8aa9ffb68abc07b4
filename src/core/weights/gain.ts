import type { ServiceLoad } from '../load/index.ts';

/** A quarter of what theory allows: the loop stays stable with a margin of four at every delay. */
const MARGIN = 0.35;
const MAX_GAIN = 2;
/** What load reports take at least, as far as the gain goes: a smaller one only makes it nervous. */
const LEAST_DELAY_SEC = 1;
const START_SEC = 20;
const START_REQUEST_TIME_SEC = 3;
const START_IN_FLIGHT = 2;

/**
 * [K] How strongly a deviation of pressure moves a share. Longer requests and shorter delays allow more; what
 * `least_request` already balances by itself (requests in flight per sidecar) needs less. `measuredSec` is the delay of load
 * reports and pushes.
 */
export function proportionalGain(
  load: ServiceLoad,
  leastRequest: boolean,
  tickSec: number,
  measuredSec: number = LEAST_DELAY_SEC,
): number {
  const loopSec = delayOf(load, measuredSec) + tickSec + 0.5;
  const inFlight = load.meanInFlightPerSidecar;
  const gain = Math.min(MAX_GAIN, (MARGIN * load.requestTimeSec) / loopSec) / (leastRequest ? 1 + inFlight : 1);
  if (load.ageSec >= START_SEC) return gain;
  return Math.min(gain, (MARGIN * START_REQUEST_TIME_SEC) / loopSec / (1 + Math.max(inFlight, START_IN_FLIGHT)));
}

/** [Dl] From what happens at a server to what the law knows and does about it, in seconds, without the tick itself. */
export function delayOf({ loadReports, engineDelaySec }: ServiceLoad, measuredSec: number = LEAST_DELAY_SEC): number {
  return Math.max(LEAST_DELAY_SEC, loadReports === 'Fresh' ? measuredSec : engineDelaySec);
}
