import { ewma, ewmaFrom } from './ewma.ts';
import { gpuMaxAgeMs } from './gpu-age.ts';
import type { ClusterMemory, EndpointMemory, UtilMemory } from './load-state.ts';
import { median, quantile, upperMedian } from './median.ts';
import { clamp } from './plausible.ts';

const FAST_TAU_SEC = 3;
const SLOW_TAU_SEC = 20;
const SUM_TAU_SEC = 120;
const OPEN_SLOPE = 0.4;
const CLOSE_SLOPE = 0.24;
/** A value strictly between idle and full that repeats exactly for so long is a frozen reading. */
const REPEAT_SEC = 8;
const CLOSED_MS = 120_000;
/** At this a utilisation reads full, and tells no more and less apart. */
export const PINNED_RATIO = 0.995;
const MAX_IDLE_FULL_SEC = 3600;
const OFF_MS = 600_000;
const CONTRADICTION_SEC = 25;
/** Above this utilisation the batch is full and the requests in flight hold the queue too. */
const FULL = 0.92;

/** [u] Mean utilisation of the whole GPUs of an endpoint; undefined when a device is shared, or nothing is fresh. */
export function utilisation(memory: EndpointMemory, nowMs: number): number | undefined {
  let sum = 0;
  let fresh = 0;
  for (const gpu of memory.gpus) {
    if (!gpu.whole) return undefined;
    if (gpu.utilRatio === null || nowMs - gpu.utilAtMs > gpuMaxAgeMs(gpu)) continue;
    sum += gpu.utilRatio;
    fresh += 1;
  }
  return fresh === 0 ? undefined : sum / fresh;
}

/** Follows one utilisation and adds to the cluster's regression of utilisation on load. */
export function followUtil(
  memory: EndpointMemory,
  util: number | undefined,
  elapsedSec: number,
): UtilMemory | undefined {
  if (util === undefined) {
    memory.util = null;
    memory.slotsByUtil = null;
    return undefined;
  }
  const before = memory.util;
  const n = memory.inFlight;
  const util3 = ewmaFrom(before?.util3 ?? null, util, FAST_TAU_SEC, elapsedSec);
  const inFlight3 = ewmaFrom(before?.inFlight3 ?? null, n, FAST_TAU_SEC, elapsedSec);
  const logLoad = Math.log(inFlight3 + 1);
  const logUtil = Math.log(Math.max(util3, 0.02));
  // Only an engine that is heard tells that there is nothing to do.
  const idleFull = util >= PINNED_RATIO && n === 0 && memory.engine?.running === 0 && memory.engine.waiting === 0;
  const next: UtilMemory = {
    last: util,
    repeatSec: before !== null && before.last === util ? before.repeatSec + elapsedSec : 0,
    util3,
    inFlight3,
    util20: ewmaFrom(before?.util20 ?? null, util, SLOW_TAU_SEC, elapsedSec),
    inFlight20: ewmaFrom(before?.inFlight20 ?? null, n, SLOW_TAU_SEC, elapsedSec),
    meanLogInFlight: ewmaFrom(before?.meanLogInFlight ?? null, logLoad, SLOW_TAU_SEC, elapsedSec),
    meanLogUtil: ewmaFrom(before?.meanLogUtil ?? null, logUtil, SLOW_TAU_SEC, elapsedSec),
  };
  memory.util = idleFull
    ? { ...next, idleFullSec: Math.min(MAX_IDLE_FULL_SEC, (before?.idleFullSec ?? 0) + elapsedSec) }
    : next;
  return memory.util;
}

/**
 * The signal gate: utilisation counts only while it follows the load. A pinned reading has slope 0, a frozen one repeats
 * itself; either closes the gate, and a closed gate changes nothing at all.
 */
export function stepGate(
  cluster: ClusterMemory,
  members: readonly EndpointMemory[],
  ageSec: number,
  elapsedSec: number,
  nowMs: number,
): boolean {
  const { gpuGate } = cluster;
  let sumXX = 0;
  let sumXY = 0;
  let frozen = false;
  for (const { util } of members) {
    if (util === null) continue;
    if (util.repeatSec >= REPEAT_SEC && util.last > 0.05 && util.last < 0.95) frozen = true;
    if (util.util3 <= 0.03 || util.util3 >= FULL) continue;
    const dx = Math.log(util.inFlight3 + 1) - util.meanLogInFlight;
    const dy = Math.log(Math.max(util.util3, 0.02)) - util.meanLogUtil;
    sumXX += dx * dx;
    sumXY += dx * dy;
  }
  gpuGate.sumXX = ewma(gpuGate.sumXX, sumXX, SUM_TAU_SEC, elapsedSec);
  gpuGate.sumXY = ewma(gpuGate.sumXY, sumXY, SUM_TAU_SEC, elapsedSec);
  if (frozen) gpuGate.closedUntilMs = nowMs + CLOSED_MS;
  const slope = gpuGate.sumXX > 1e-9 ? gpuGate.sumXY / gpuGate.sumXX : 0;
  if (nowMs < gpuGate.closedUntilMs || nowMs < gpuGate.offUntilMs || slope < CLOSE_SLOPE) gpuGate.open = false;
  else if (ageSec > 40 && slope > OPEN_SLOPE) gpuGate.open = true;
  if (!gpuGate.open) for (const member of members) member.slotsByUtil = null;
  return gpuGate.open;
}

export type Sensed = { readonly memory: EndpointMemory; readonly known: number | undefined };

/**
 * [B_U] Slots by utilisation, N/u, for the endpoints without fresh engine metrics while the gate is open. It replaces an
 * unknown batch limit, and cuts a known one when foreign work takes a part of it. Returns the supposed slots in order.
 */
export function slotsByUtilisation(
  sensed: readonly Sensed[],
  cluster: ClusterMemory,
  unknown: number,
  elapsedSec: number,
  nowMs: number,
): readonly number[] {
  const supposed = sensed.map(({ known }) => known ?? unknown);
  const slowness = sensed.map(({ memory }) => memory.meanInFlight / Math.max(memory.completions, 1e-6));
  const reference = median(slowness.filter((_, i) => (sensed[i]?.memory.util?.util20 ?? 1) < FULL));
  if (reference === undefined) return supposed;
  const byHeaders = sensed.some(({ memory }) => memory.slotsByQueueFrom === 'Headers');
  for (const [i, { memory, known }] of sensed.entries()) {
    const { util } = memory;
    if (util === null || (known === undefined && byHeaders)) continue;
    const slow = slowness[i] as number;
    let value: number | undefined;
    if (util.util20 > 0.03 && util.util20 < FULL) value = util.inFlight20 / util.util20;
    else if (util.util20 >= FULL && slow > 1.3 * reference && (known === undefined || memory.slotsByUtil === null)) {
      value = (util.inFlight20 * reference) / slow;
    }
    if (value !== undefined && value > 0.5) {
      memory.slotsByUtil = ewmaFrom(memory.slotsByUtil, value, known === undefined ? 30 : 5, elapsedSec);
    }
  }
  replaceUnknown(sensed, supposed, byHeaders);
  contradict(sensed, slowness, cluster, elapsedSec, nowMs);
  cutKnown(sensed, supposed);
  return supposed;
}

function replaceUnknown(sensed: readonly Sensed[], supposed: number[], byHeaders: boolean): void {
  if (byHeaders) return;
  const middle = median(
    sensed.flatMap(({ memory, known }) =>
      known === undefined && memory.slotsByUtil !== null ? [memory.slotsByUtil] : [],
    ),
  );
  if (middle === undefined) return;
  for (const [i, { memory, known }] of sensed.entries()) {
    if (known === undefined) supposed[i] = clamp(memory.slotsByUtil ?? middle, middle / 5, 5 * middle);
  }
}

/** Much slower than the rest and yet "wide": such a device under-reports, and the sensor is switched off. */
function contradict(
  sensed: readonly Sensed[],
  slowness: readonly number[],
  cluster: ClusterMemory,
  elapsedSec: number,
  nowMs: number,
): void {
  const { gpuGate } = cluster;
  const wide = sensed.flatMap(({ memory }) => (memory.slotsByUtil === null ? [] : [memory.slotsByUtil]));
  const low = quantile(wide, 0.25);
  if (low === undefined) return;
  const usual = median(
    slowness.filter((_, i) => (sensed[i]?.memory.slotsByUtil ?? Number.POSITIVE_INFINITY) <= 1.1 * low),
  );
  const contradicted =
    usual !== undefined &&
    sensed.some(({ memory }, i) => (memory.slotsByUtil ?? 0) > 1.3 * low && (slowness[i] as number) > 1.5 * usual);
  gpuGate.contradictionSec = Math.max(0, gpuGate.contradictionSec + (contradicted ? elapsedSec : -elapsedSec));
  if (gpuGate.contradictionSec <= CONTRADICTION_SEC) return;
  gpuGate.offUntilMs = nowMs + OFF_MS;
  gpuGate.open = false;
  gpuGate.contradictionSec = 0;
}

function cutKnown(sensed: readonly Sensed[], supposed: number[]): void {
  const ratios = sensed.flatMap(({ memory, known }) =>
    known !== undefined && memory.slotsByUtil !== null ? [memory.slotsByUtil / known] : [],
  );
  const middle = quantile(ratios, 0.5);
  const usable = middle !== undefined && middle >= 0.8 && (upperMedian(ratios) as number) <= 1.3;
  for (const [i, { memory, known }] of sensed.entries()) {
    if (known === undefined || memory.slotsByUtil === null || !usable) {
      memory.utilCut = false;
      continue;
    }
    const ratio = memory.slotsByUtil / known / Math.min(1, middle);
    memory.utilCut = memory.utilCut ? ratio <= 0.88 : ratio < 0.75;
    if (memory.utilCut) supposed[i] = known * clamp(ratio, 0.2, 1);
  }
}
