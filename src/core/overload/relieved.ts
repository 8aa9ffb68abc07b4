import type { ServiceLoad } from '../load/index.ts';
import type { Endpoint } from '../topology/index.ts';
import type { Ladder } from './ladder.ts';

type Servers = { readonly load: ServiceLoad; readonly endpoints: readonly Endpoint[] };

/**
 * The servers that a ladder relieves: all, but those of pools to which it moves requests. What goes there is gone from the others as if
 * it were shed, so that the one effort is right for both; a pool that takes what is degraded would otherwise add its slots
 * to a service that is full, and its requests to what passes.
 */
export function relievedBy({ rungs }: Ladder, { load, endpoints }: Servers): Servers {
  const taking = new Set(rungs.flatMap(({ toPool }) => (toPool === undefined ? [] : [toPool])));
  if (taking.size === 0) return { load, endpoints };
  const isRelieved = ({ pool }: Endpoint): boolean => !taking.has(pool);
  return {
    endpoints: endpoints.filter(isRelieved),
    // Beliefs stand in the order of the endpoints.
    load: { ...load, endpoints: load.endpoints.filter((_, i) => isRelieved(endpoints[i] as Endpoint)) },
  };
}
