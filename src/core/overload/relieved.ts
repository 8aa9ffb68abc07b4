import { among, type Servers } from '../load/index.ts';
import type { Ladder } from './ladder.ts';

/**
 * The servers that a ladder relieves: all, but those of pools to which it moves requests. What goes there is gone from the others as if
 * it were shed, so that the one effort is right for both; a pool that takes what is degraded would otherwise add its slots
 * to a service that is full, and its requests to what passes.
 */
export function relievedBy({ rungs }: Ladder, servers: Servers): Servers {
  const taking = new Set(rungs.flatMap(({ toPool }) => (toPool === undefined ? [] : [toPool])));
  if (servers.endpoints.every(({ pool }) => taking.has(pool))) return servers;
  return taking.size === 0 ? servers : among(servers, ({ pool }) => !taking.has(pool));
}
