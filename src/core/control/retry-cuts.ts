import { among, type LoadState, type ServiceLoad } from '../load/index.ts';
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
      const all = { load, endpoints: endpoints.get(service.name) ?? [] };
      const inside = reached === undefined ? all : among(all, (one) => reached.includes(one.pool));
      return cutsRetries(before.includes(name), inside.load, remembered) ? [name] : [];
    });
  });
  return cut.length === 0 ? {} : { retryCuts: cut.sort() };
}
