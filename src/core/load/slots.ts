import type { Endpoint } from '../topology/index.ts';
import { ewma } from './ewma.ts';
import type { EndpointMemory } from './load-state.ts';
import { clamp } from './plausible.ts';

/** [B] of an engine whose batch limit nobody told. A common unit is enough: only ratios move weights. */
export const UNKNOWN_SLOTS = 64;
export const QUEUE_MIN = 2;
/** A queue must have stood this long before it counts as the sign of a full batch. */
const QUEUE_STANDS_SEC = 3;
const LEARN_STEP = 0.2;
/** What was learned is forgotten by 0.02 % a second, so that a raised limit is found out. */
const FORGET_PER_SEC = 0.0002;
/** Above this KV usage a queue says that memory is short, not slots. */
const KV_SHORT = 0.8;
/** KV as the bound: above this usage the requests that fit are learned from what runs. */
const KV_MATTERS = 0.4;
const KV_HEADROOM = 0.85;
const KV_TAU_SEC = 60;

/** The batch limit that the policy gives, else the one that the engine states; undefined when nobody tells. */
export function knownSlots(
  { maxRunningRequests }: Pick<Endpoint, 'maxRunningRequests'>,
  { slotsStated }: Pick<EndpointMemory, 'slotsStated'>,
): number | undefined {
  // A state from before engines stated their limit has no such field.
  return maxRunningRequests ?? slotsStated ?? undefined;
}

/** A queue in front of an engine: told by its page or in its answers, or read off the headers that have not come. */
export type Queue = {
  readonly from: 'Engine' | 'Headers' | 'Orca';
  readonly waiting: number;
  readonly running: number;
  readonly kvUsageRatio: number;
  readonly elapsedSec: number;
};

/** [Bhat] A standing queue while the batch is below its supposed limit means that the limit is where the batch stands. */
export function learnFromQueue(memory: EndpointMemory, supposed: number, queue: Queue): void {
  const { running, waiting, kvUsageRatio, elapsedSec, from } = queue;
  memory.queueSec = waiting >= QUEUE_MIN ? memory.queueSec + elapsedSec : 0;
  const full = memory.queueSec >= QUEUE_STANDS_SEC - 0.5;
  if (full && running > 1 && running < 0.9 * supposed && kvUsageRatio < KV_SHORT) {
    const known = memory.slotsByQueue;
    memory.slotsByQueue = known === null ? running : known + LEARN_STEP * (running - known);
    memory.slotsByQueueFrom = from;
  }
  if (memory.slotsByQueue !== null && running > memory.slotsByQueue) memory.slotsByQueue = running;
}

export function forgetSlots(memory: EndpointMemory, elapsedSec: number): void {
  if (memory.slotsByQueue !== null) memory.slotsByQueue *= 1 + FORGET_PER_SEC * elapsedSec;
  if (memory.slotsByKv !== null) memory.slotsByKv *= 1 + FORGET_PER_SEC * elapsedSec;
}

/** [rk, kk] How full the KV cache is, and with how many requests. */
export function followKv(memory: EndpointMemory, usage: number | null, running: number, gapSec: number): void {
  if (usage === null || usage <= 0.2 || running <= 4) return;
  const seen = memory.kvRunning > 0;
  memory.kvRunning = seen ? ewma(memory.kvRunning, running, KV_TAU_SEC, gapSec) : running;
  memory.kvUsage = seen ? ewma(memory.kvUsage, usage, KV_TAU_SEC, gapSec) : usage;
}

/**
 * What the KV cache holds, learned while it is well filled. It is kept when the cache empties: a bound that went with
 * the load would send the next load to whom the last one had shown to be small, and learn it again, and so on.
 */
export function learnFromKv(memory: EndpointMemory): void {
  if (memory.kvUsage > KV_MATTERS && memory.kvRunning > 0)
    memory.slotsByKv = (KV_HEADROOM * memory.kvRunning) / memory.kvUsage;
}

/** [B] The smallest of what is configured or sensed, what queues taught and what the KV cache holds. */
export function effectiveSlots(memory: EndpointMemory, supposed: number): number {
  let slots = supposed;
  if (memory.slotsByQueue !== null) slots = Math.min(slots, memory.slotsByQueue);
  if (memory.slotsByKv !== null) slots = Math.min(slots, memory.slotsByKv);
  return clamp(slots, 1, 100_000);
}
