import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { AssignmentEncoder } from '../../src/base/codec/index.ts';
import type { Plan } from '../../src/core/control/index.ts';
import { loadPolicy, type Policy, type SidecarGroup } from '../../src/core/policy/index.ts';
import { compileAssignments, compileRuntime, compileStructure, type Resource } from '../../src/core/resources/index.ts';
import { type Endpoint, endpointId } from '../../src/core/topology/index.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Everything that a sidecar of the first group of a policy file receives before any decision was made. */
export function compileFile(
  path: string,
  sidecars: readonly string[],
): { readonly policy: Policy; readonly resources: readonly Resource[] } {
  const loaded = loadPolicy([{ name: path, text: readFileSync(resolve(ROOT, path), 'utf8') }]);
  if (!loaded.ok) throw new Error(`${path}: ${JSON.stringify(loaded.issues)}`);
  const policy = loaded.value;
  const group = policy.groups[0] as SidecarGroup;
  const plan: Plan = {
    policyRevision: policy.revision,
    sequence: 1,
    policy,
    endpoints: Object.fromEntries(policy.services.map(({ name }) => [name, staticEndpoints(policy, name)])),
    decisions: {},
    sidecars: { [group.name]: sidecars },
  };
  const options = { release: '1.40', listenerOverrides: {}, sidecars: sidecars.length };
  return {
    policy,
    resources: [
      ...compileStructure(policy, group, options),
      ...compileRuntime(policy, group),
      ...compileAssignments(plan, group, new AssignmentEncoder()),
    ],
  };
}

function staticEndpoints(policy: Policy, name: string): Endpoint[] {
  const pools = policy.services.find((service) => service.name === name)?.pools ?? [];
  return pools.flatMap((pool) =>
    pool.endpoints.kind !== 'Static'
      ? []
      : pool.endpoints.endpoints.map(({ address, port, capacity, zone }) => ({
          id: endpointId(name, pool.name, address, port),
          service: name,
          pool: pool.name,
          address,
          port,
          incarnation: '',
          capacity,
          lifecycle: 'Active' as const,
          ...(zone === undefined ? {} : { zone }),
        })),
  );
}
