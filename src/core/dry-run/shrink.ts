import type { Policy } from '../policy/index.ts';
import type { Shrink, ShrinkCount } from './report.ts';

/**
 * How much of what is there a change takes away: endpoints of services, and services that a group may reach (each is a cluster
 * of its sidecars). What is moved from one pool to another is not taken away. Whether it is too much, others say.
 */
export function shrinkOf(before: Policy | undefined, after: Policy): Shrink {
  const endpoints = removal(before === undefined ? [] : endpointsOf(before), endpointsOf(after));
  const clusters = removal(before === undefined ? [] : clustersOf(before), clustersOf(after));
  return { endpoints, clusters, removedRatio: Math.max(ratio(endpoints), ratio(clusters)) };
}

function removal(before: readonly string[], after: readonly string[]): ShrinkCount {
  const left = new Set(after);
  const was = new Set(before);
  return { before: was.size, after: left.size, removed: [...was].filter((id) => !left.has(id)).length };
}

function ratio({ before, removed }: ShrinkCount): number {
  return before === 0 ? 0 : removed / before;
}

/** Those that the policy lists; of others only their source knows how many there are. */
function endpointsOf({ services }: Policy): readonly string[] {
  return services.flatMap(({ name, pools }) =>
    pools.flatMap(({ endpoints }) =>
      endpoints.kind === 'Static'
        ? endpoints.endpoints.map(({ address, port }) => JSON.stringify([name, address, port]))
        : [],
    ),
  );
}

function clustersOf({ groups }: Policy): readonly string[] {
  return groups.flatMap(({ name, modelServices }) => modelServices.map((service) => JSON.stringify([name, service])));
}
