import type { GpuMemory } from './load-state.ts';

/** What a GPU said longer ago than this says nothing about now. */
const MAX_AGE_MS = 5000;

/** How old the values of a device may be to count; a lease can only shorten it. */
export function gpuMaxAgeMs({ leaseMs }: Pick<GpuMemory, 'leaseMs'>): number {
  return leaseMs === undefined ? MAX_AGE_MS : Math.min(MAX_AGE_MS, leaseMs);
}
