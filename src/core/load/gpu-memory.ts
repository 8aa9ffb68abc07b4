import { stepXid, type XidReading } from './gpu-fault.ts';
import type { EndpointMemory, GpuMemory } from './load-state.ts';
import type { EndpointSamples } from './samples.ts';
import { type ThrottleReading, takeThrottle } from './throttle.ts';

/** What the pages of a tick told of one GPU. */
export type GpuReading = Omit<GpuMemory, 'xid' | 'throttle' | 'utilConflict'> & {
  xid?: XidReading;
  throttle?: ThrottleReading;
  /** A utilisation that cannot be. */
  utilConflict?: { readonly value: number; readonly atMs: number };
};

/**
 * What the devices of each endpoint said last; what a page leaves out is kept, and ages. Two sources may speak of one device,
 * and the slower of them brings what is older than what is known: the newest reading stays, whoever brought it.
 */
export function takeGpus(
  drafts: readonly EndpointMemory[],
  samples: readonly (EndpointSamples | undefined)[],
  nowMs: number,
): void {
  for (const [place, memory] of drafts.entries()) {
    const gpus = samples[place]?.gpus;
    if (gpus === undefined) continue;
    for (const fresh of gpus) {
      const at = placeOfGpu(memory.gpus, fresh.gpu);
      const next = merged(memory.gpus[at], fresh, memory, nowMs);
      if (at === -1) memory.gpus.push(next);
      else memory.gpus[at] = next;
    }
  }
}

function placeOfGpu(gpus: readonly GpuMemory[], gpu: string): number {
  for (let i = 0; i < gpus.length; i += 1) if (gpus[i]?.gpu === gpu) return i;
  return -1;
}

function merged(before: GpuMemory | undefined, fresh: GpuReading, memory: EndpointMemory, nowMs: number): GpuMemory {
  const { gpu, xid, throttle } = fresh;
  // A stored time ahead of now was written before the clock was set back.
  const newer = (heardAtMs: number, knownAtMs: number): boolean => heardAtMs >= knownAtMs || knownAtMs > nowMs;
  const util =
    before === undefined || (fresh.utilRatio !== null && newer(fresh.utilAtMs, before.utilAtMs)) ? fresh : before;
  const clock =
    before === undefined || (fresh.clockHertz !== null && newer(fresh.clockAtMs, before.clockAtMs)) ? fresh : before;
  const newest = util === fresh || clock === fresh ? fresh : (before as GpuMemory);
  const next: GpuMemory = {
    gpu,
    whole: newest.whole,
    utilRatio: util.utilRatio,
    utilAtMs: util.utilAtMs,
    clockHertz: clock.clockHertz,
    clockAtMs: clock.clockAtMs,
  };
  if (newest.leaseMs !== undefined) next.leaseMs = newest.leaseMs;
  // The first life that was seen may be as old as it likes.
  const restartedAtMs = memory.lives > 0 ? memory.joinedAtMs : null;
  const nextXid = xid === undefined ? before?.xid : stepXid(before?.xid, xid, { nowMs, restartedAtMs });
  const nextThrottle = throttle === undefined ? before?.throttle : takeThrottle(before?.throttle, throttle, nowMs);
  const conflict = utilConflict(before, fresh);
  if (conflict !== undefined) next.utilConflict = conflict;
  if (nextXid !== undefined) next.xid = nextXid;
  if (nextThrottle !== undefined) next.throttle = nextThrottle;
  return next;
}

/** A conflict lasts until a value comes that can be. */
function utilConflict(
  before: GpuMemory | undefined,
  { utilConflict: told, utilRatio, utilAtMs }: GpuReading,
): GpuMemory['utilConflict'] {
  if (told !== undefined && told.atMs >= utilAtMs)
    return { value: told.value, beganAtMs: before?.utilConflict?.beganAtMs ?? told.atMs };
  return utilRatio === null ? before?.utilConflict : undefined;
}
