import type { LoadState, ServiceLoad } from '../load/index.ts';
import { cutsRetries } from '../overload/index.ts';
import { carriersOf, type Policy } from '../policy/index.ts';
import { carryingClustersOf } from '../resources/index.ts';
import type { Endpoint } from '../topology/index.ts';
import type { Plan } from './plan.ts';

type Believed = {
  readonly loads: Readonly<Record<string, ServiceLoad>>;
  readonly states: Readonly<Record<string, LoadState>>;
  /** In the order of the beliefs. */
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>;
};

/**
 * The clusters in which nothing is tried again now. Each is judged by the servers that its retries can reach: a pool of a fixed split
 * with nothing behind it may be dead as a whole while the others are well, and none of its retries would come to them.
 */
export function retryCuts(
  before: readonly string[],
  policy: Policy,
  { loads, states, endpoints }: Believed,
): Pick<Plan, 'retryCuts'> {
  const cut = policy.services.flatMap((service) => {
    const load = loads[service.name] as ServiceLoad;
    const remembered = (states[service.name]?.sidecars.length ?? 0) > 0;
    const parts = carriersOf(service);
    return carryingClustersOf(service).flatMap(({ name, pool }) => {
      const reached = parts.find(([meant]) => meant === pool?.name);
      const inside = reached === undefined ? load : within(load, endpoints.get(service.name) ?? [], new Set(reached));
      return cutsRetries(before.includes(name), inside, remembered) ? [name] : [];
    });
  });
  return cut.length === 0 ? {} : { retryCuts: cut.sort() };
}

function within(load: ServiceLoad, all: readonly Endpoint[], pools: ReadonlySet<string>): ServiceLoad {
  return { ...load, endpoints: load.endpoints.filter((_, i) => pools.has(all[i]?.pool ?? '')) };
}
