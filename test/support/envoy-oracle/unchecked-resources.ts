import { AssignmentEncoder } from '../../../src/base/codec/index.ts';
import { LoadlineError } from '../../../src/base/errors.ts';
import type { Plan } from '../../../src/core/control/index.ts';
import type { Policy, SidecarGroup } from '../../../src/core/policy/index.ts';
import {
  compileAssignments,
  compileRuntime,
  compileStructure,
  type Resource,
} from '../../../src/core/resources/index.ts';
import { type Endpoint, endpointId } from '../../../src/core/topology/index.ts';
import { NotExpressible } from './unchecked-policy.ts';

/** What a sidecar of the first group would be sent, with nothing checked: endpoints go out as they are written. */
export function uncheckedResources(policy: Policy, release: string): readonly Resource[] {
  const group = policy.groups[0] as SidecarGroup;
  const plan: Plan = {
    policyRevision: policy.revision,
    sequence: 1,
    policy,
    endpoints: Object.fromEntries(policy.services.map((service) => [service.name, endpointsOf(service)])),
    decisions: {},
    sidecars: { [group.name]: ['a', 'b'] },
  };
  try {
    return [
      ...compileStructure(policy, group, { release, listenerOverrides: {}, sidecars: 2 }),
      ...runtime(policy, group),
      ...compileAssignments(plan, group, new AssignmentEncoder()),
    ];
  } catch (error) {
    // The encoder takes no negative number where the field is unsigned.
    throw new NotExpressible((error as Error).message);
  }
}

/** Envoy takes any runtime value without a word: what our range check refuses there, it cannot be asked about. */
function runtime(policy: Policy, group: SidecarGroup): readonly Resource[] {
  try {
    return compileRuntime(policy, group);
  } catch (error) {
    if (error instanceof LoadlineError && error.code === 'LOADLINE_RUNTIME_KEY') return [];
    throw error;
  }
}

function endpointsOf({ name, pools }: Policy['services'][number]): readonly Endpoint[] {
  return pools.flatMap((pool) =>
    pool.endpoints.kind === 'Static'
      ? pool.endpoints.endpoints.map((endpoint) => ({
          ...endpoint,
          id: endpointId(name, pool.name, endpoint.address, endpoint.port),
          service: name,
          pool: pool.name,
          incarnation: '',
          lifecycle: 'Active' as const,
        }))
      : [],
  );
}
