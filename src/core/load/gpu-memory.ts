import type { EndpointMemory, GpuMemory } from './load-state.ts';
import type { EndpointSamples } from './samples.ts';

/**
 * What the devices of each endpoint said last. Two sources may speak of one device, and the slower of them brings what is
 * older than what is known: the newest reading stays, whoever brought it.
 */
export function takeGpus(
  drafts: readonly EndpointMemory[],
  samples: readonly (EndpointSamples | undefined)[],
  nowMs: number,
): void {
  for (const [place, memory] of drafts.entries()) {
    for (const heard of samples[place]?.gpus ?? []) {
      const at = memory.gpus.findIndex(({ gpu }) => gpu === heard.gpu);
      const before = memory.gpus[at];
      if (before === undefined) memory.gpus.push(heard);
      else memory.gpus[at] = merged(before, heard, nowMs);
    }
  }
}

function merged(before: GpuMemory, heard: GpuMemory, nowMs: number): GpuMemory {
  // A stored time ahead of now was written before the clock was set back.
  const newer = (heardAtMs: number, knownAtMs: number): boolean => heardAtMs >= knownAtMs || knownAtMs > nowMs;
  const util = heard.utilRatio !== null && newer(heard.utilAtMs, before.utilAtMs) ? heard : before;
  const clock = heard.clockHertz !== null && newer(heard.clockAtMs, before.clockAtMs) ? heard : before;
  const newest = util === heard || clock === heard ? heard : before;
  return {
    gpu: heard.gpu,
    whole: newest.whole,
    utilRatio: util.utilRatio,
    utilAtMs: util.utilAtMs,
    clockHertz: clock.clockHertz,
    clockAtMs: clock.clockAtMs,
    ...(newest.leaseMs === undefined ? {} : { leaseMs: newest.leaseMs }),
  };
}
