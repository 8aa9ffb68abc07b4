import type { Policy, Pool } from '../../core/policy/index.ts';
import type { Endpoint } from '../../core/topology/index.ts';

/** A pool of the policy with the endpoints that discovery found for it. */
export type PoolMembers = {
  readonly service: string;
  readonly pool: Pool;
  readonly members: readonly Endpoint[];
  /** How long first tokens take decides on something: the service says when a tier is too slow. */
  readonly firstToken: boolean;
};

/** In the order of the policy. */
export function poolMembers(policy: Policy, endpoints: readonly Endpoint[]): readonly PoolMembers[] {
  const byPool = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    const key = poolKey(endpoint.service, endpoint.pool);
    const members = byPool.get(key);
    if (members === undefined) byPool.set(key, [endpoint]);
    else members.push(endpoint);
  }
  return policy.services.flatMap(({ name: service, pools, split }) => {
    const firstToken = split?.kind === 'Tiers' && split.failover.firstTokenP95AboveMs !== undefined;
    return pools.map((pool) => ({
      service,
      pool,
      members: byPool.get(poolKey(service, pool.name)) ?? [],
      firstToken,
    }));
  });
}

function poolKey(service: string, pool: string): string {
  return `${service}/${pool}`;
}
