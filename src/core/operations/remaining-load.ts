import type { ServiceLoad } from '../load/index.ts';
import type { EndpointId } from '../topology/index.ts';

/**
 * How full the others would be if some took no new requests: the work of all by what the others were seen to be able to do, 1
 * where every one of them is busy up to its batch limit. Undefined while nobody knows: without load reports or engine metrics, or
 * where a batch limit is neither told nor learned.
 */
export function remainingLoad(
  load: ServiceLoad | undefined,
  stays: (id: EndpointId) => boolean,
): { readonly ratio: number; readonly now: number; readonly inFlight: number } | undefined {
  if (load === undefined) return undefined;
  if (load.loadReports === 'Silent' && !load.endpoints.some(({ engine }) => engine === 'Fresh')) return undefined;
  let [work, capacity, all, inFlight] = [0, 0, 0, 0];
  for (const one of load.endpoints) {
    if (!one.slotsKnown) return undefined;
    const able = Math.exp(one.logCapacity);
    work += (able * one.inFlight) / one.slots;
    inFlight += one.inFlight;
    all += able;
    if (stays(one.id) && !one.bad) capacity += able;
  }
  if (all === 0) return undefined;
  return { ratio: capacity > 0 ? work / capacity : Number.POSITIVE_INFINITY, now: work / all, inFlight };
}
