import { AssignmentEncoder, type JsonObject } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import type { Policy } from '../../core/policy/index.ts';
import { compileAssignments, compileRuntime, compileStructure, renderStatic } from '../../core/resources/index.ts';
import { type Endpoint, endpointId } from '../../core/topology/index.ts';
import { GROUP, LISTENER } from './lane-policy.ts';

/**
 * The lane without Loadline: the very resources that Loadline would send (least_request, retries, outlier detection,
 * breakers), rendered as a static bootstrap with equal weights. So the lanes differ in nothing but the weights.
 *
 * `envoyRelease`: `1.40`.
 */
export function staticBootstrap(policy: Policy, listenAt: string, envoyRelease: string): JsonObject {
  const group = policy.groups.find(({ name }) => name === GROUP);
  if (group === undefined) throw new LoadlineError('LOADLINE_LAB', `The policy has no group ${GROUP}.`);
  const endpoints = Object.fromEntries(policy.services.map((service) => [service.name, staticEndpoints(service)]));
  const plan = { policyRevision: policy.revision, sequence: 1, policy, endpoints, decisions: {}, sidecars: {} };
  return renderStatic([
    ...compileStructure(policy, group, { release: envoyRelease, listenerOverrides: { [LISTENER]: listenAt } }),
    ...compileAssignments(plan, group, new AssignmentEncoder()),
    ...compileRuntime(policy, group),
  ]);
}

function staticEndpoints(service: Policy['services'][number]): readonly Endpoint[] {
  return service.pools.flatMap((pool) =>
    pool.endpoints.kind !== 'Static'
      ? []
      : pool.endpoints.endpoints.map(
          ({ address, port, capacity }): Endpoint => ({
            id: endpointId(service.name, pool.name, address, port),
            service: service.name,
            pool: pool.name,
            address,
            port,
            incarnation: '',
            capacity,
            lifecycle: 'Active',
          }),
        ),
  );
}
