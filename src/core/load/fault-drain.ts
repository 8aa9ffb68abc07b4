import type { Endpoint } from '../topology/index.ts';
import { lostGpu } from './gpu-fault.ts';
import type { EndpointMemory } from './load-state.ts';

/** Which pools give up an endpoint whose GPU is lost, and how much of a pool at most. */
export type FaultDrainOptions = {
  readonly pools: 'All' | readonly string[];
  /** 0..100 of the pool's endpoints; above 50 counts as 50. */
  readonly maxPercent: number;
  /** One may go where the percentage gives none, unless it is the only one. */
  readonly atLeastOne: boolean;
};

export const DEFAULT_FAULT_DRAIN: FaultDrainOptions = { pools: 'All', maxPercent: 50, atLeastOne: true };

const MOST_PERCENT = 50;

type Member = { readonly endpoint: Endpoint; readonly memory: EndpointMemory };

/**
 * Decides whose GPU is so surely lost that the endpoint gets nothing new. An exporter that condemns a whole pool is more
 * likely wrong than right, so those that were condemned first go and half of each pool stays. Who comes back has to complete
 * a request before it ramps up, as after a crash.
 */
export function stepFaultDrain(members: readonly Member[], options: FaultDrainOptions, nowMs: number): void {
  let any = false;
  for (const { memory } of members) {
    if (memory.drainedAtMs !== null || lostGpu(memory) !== undefined) any = true;
  }
  if (!any) return;
  const drained = new Set<EndpointMemory>();
  for (const pool of new Set(members.map(({ endpoint }) => endpoint.pool))) {
    for (const memory of condemned(members, pool, options)) drained.add(memory);
  }
  for (const { memory } of members) {
    if (drained.has(memory)) {
      memory.drainedAtMs ??= nowMs;
      memory.phase = 'Waiting';
    } else if (memory.drainedAtMs !== null) {
      memory.drainedAtMs = null;
      memory.phase = 'Waiting';
    }
  }
}

function condemned(members: readonly Member[], pool: string, options: FaultDrainOptions): readonly EndpointMemory[] {
  const { pools, maxPercent, atLeastOne } = options;
  if (pools !== 'All' && !pools.includes(pool)) return [];
  const active = members.filter(({ endpoint }) => endpoint.pool === pool && endpoint.lifecycle === 'Active');
  const share = Math.floor((active.length * Math.min(MOST_PERCENT, maxPercent)) / 100);
  const most = active.length < 2 ? 0 : Math.max(atLeastOne ? 1 : 0, share);
  return active
    .flatMap(({ endpoint, memory }) => {
      const lost = lostGpu(memory);
      return lost === undefined
        ? []
        : [{ id: endpoint.id, memory, order: memory.drainedAtMs ?? lost.stageAtMs + 1e14 }];
    })
    .sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1))
    .slice(0, most)
    .map(({ memory }) => memory);
}
