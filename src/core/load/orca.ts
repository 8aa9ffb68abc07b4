import type { OrcaMean } from '../topology/index.ts';
import type { EndpointMemory, OrcaReading } from './load-state.ts';
import { MAX_REQUESTS, plausible } from './plausible.ts';
import { followKv, learnFromQueue, QUEUE_MIN } from './slots.ts';

/** With answers further apart than this, nothing is known about what was between them. */
const MAX_GAP_SEC = 15;
/** Longer ago than this, what an answer said is no longer about now. */
const FRESH_MS = 5000;

const MOST = { kvUsageRatio: 1, waitingRequests: MAX_REQUESTS };

/** Sums over answers, of one endpoint since the last tick, over all sidecars. */
export type OrcaSums = { readonly [Metric in OrcaMean['metric']]: { readonly sum: number; readonly answers: number } };

const NONE: OrcaSums = { kvUsageRatio: { sum: 0, answers: 0 }, waitingRequests: { sum: 0, answers: 0 } };

/** Adds what one report says; a mean that is out of range is refused and takes no other with it. */
export function addMeans(before: OrcaSums | undefined, means: readonly OrcaMean[] | undefined): OrcaSums | undefined {
  let sums = before;
  for (const { metric, mean, answers } of means ?? []) {
    // A recording may hold what is not in this program.
    if (!Object.hasOwn(MOST, metric)) continue;
    const believed = plausible(mean, 0, MOST[metric]);
    const count = plausible(answers, 1, MAX_REQUESTS);
    if (believed === undefined || count === undefined) continue;
    sums ??= NONE;
    const { sum, answers: counted } = sums[metric];
    sums = { ...sums, [metric]: { sum: sum + believed * count, answers: counted + count } };
  }
  return sums;
}

export function plusSums(a: OrcaSums | undefined, b: OrcaSums | undefined): OrcaSums | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return {
    kvUsageRatio: plus(a.kvUsageRatio, b.kvUsageRatio),
    waitingRequests: plus(a.waitingRequests, b.waitingRequests),
  };
}

function plus(a: OrcaSums['kvUsageRatio'], b: OrcaSums['kvUsageRatio']): OrcaSums['kvUsageRatio'] {
  return { sum: a.sum + b.sum, answers: a.answers + b.answers };
}

/**
 * Learns from what the answers of this tick said, where no engine page does. They give the queue and the KV cache; how many run
 * is what the sidecars have in flight less the queue. The samples are a little early (before the stream's own load exists),
 * so KV reads low: the slots that it gives are too many rather than too few. A tick without answers teaches nothing:
 * neither that the queue still stands nor that it is gone.
 */
export function takeAnswers(memory: EndpointMemory, sums: OrcaSums | undefined, supposed: number, nowMs: number): void {
  const kvUsageRatio = meanOf(sums?.kvUsageRatio);
  const waiting = meanOf(sums?.waitingRequests);
  if (kvUsageRatio === null && waiting === null) return;
  const before = memory.orca;
  memory.orca = { atMs: nowMs, kvUsageRatio, waiting };
  const gapSec = before === null ? 0 : (nowMs - before.atMs) / 1000;
  if (before === null || !(gapSec > 0 && gapSec <= MAX_GAP_SEC)) {
    memory.queueSec = 0;
    return;
  }
  const running = Math.max(0, meanInFlight(memory) - (waiting ?? 0));
  followKv(memory, kvUsageRatio, running, gapSec);
  if (waiting === null) return;
  // It has stood between two answers only if both saw it.
  const stood = before.waiting !== null && before.waiting >= QUEUE_MIN;
  learnFromQueue(memory, supposed, {
    from: 'Orca',
    waiting,
    running,
    kvUsageRatio: kvUsageRatio ?? 0,
    elapsedSec: stood ? gapSec : 0,
  });
}

/** What the last answers said, while that is about now. */
export function freshOrca({ orca }: EndpointMemory, nowMs: number): OrcaReading | undefined {
  return orca !== null && nowMs >= orca.atMs && nowMs - orca.atMs <= FRESH_MS ? orca : undefined;
}

/** The means cover the interval that ends with the newest count. */
function meanInFlight({ ring, inFlight }: EndpointMemory): number {
  return ((ring.at(-2) ?? inFlight) + inFlight) / 2;
}

function meanOf(part: { readonly sum: number; readonly answers: number } | undefined): number | null {
  return part === undefined || part.answers === 0 ? null : part.sum / part.answers;
}
