import type { Policy } from '../../core/policy/index.ts';
import type { Endpoint } from '../../core/topology/index.ts';
import { engineNames } from './engine-names.ts';
import { enginePort, engineTargets } from './engine-targets.ts';
import { gpuTargets, serversByExporter } from './gpu-targets.ts';
import { poolMembers } from './pool-members.ts';
import type { Target } from './target.ts';

/** What the policy wants read, given the endpoints that exist: pure, and in the order of the policy. */
export function targetsFromPolicy(policy: Policy, endpoints: readonly Endpoint[]): readonly Target[] {
  const pools = poolMembers(policy, endpoints);
  const servers = serversByExporter(pools);
  const names = engineNames(
    pools.flatMap(({ pool, members }) =>
      members.map((endpoint) => ({ endpoint, enginePort: enginePort(pool.signals.engine?.source, endpoint.port) })),
    ),
  );
  return pools.flatMap((one) => [...engineTargets(one, names), ...gpuTargets(one, servers)]);
}
