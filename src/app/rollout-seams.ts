import { staticEndpointSets } from '../edge/discovery/index.ts';
import type { PolicyView } from '../edge/observe/index.ts';
import type { XdsServer } from '../edge/xds/index.ts';
import type { ControlLoop, UnderPolicy } from './control-loop.ts';
import type { Loaded } from './policy-keeper.ts';
import type { Rollouts, RolloutsOptions } from './rollouts.ts';

/** What rollouts ask of the sidecars, and tell the two tracks of the control loop. */
export function rolloutSeams(loop: ControlLoop, xds: XdsServer): Pick<RolloutsOptions, 'fleet' | 'tracks'> {
  return {
    fleet: {
      members: (group) => loop.membersOf(group),
      groupOf: (nodeId) => loop.groupOf(nodeId),
      standings: (nodeIds) => xds.canaryStandings(nodeIds),
      isServed: (groups) => xds.nodeIds().some((id) => groups.has(xds.node(id)?.group ?? '')),
    },
    tracks: {
      canaryRefusals: () => loop.canaryRefusals(xds.canaryKeys()),
      freeze: (structures) => loop.freeze(structures),
      thaw: () => loop.thaw(),
      promoteCanary: () => loop.promoteCanary(),
      dropCanary: () => loop.dropCanary(),
    },
  };
}

export function underPolicy({ policy }: Loaded): UnderPolicy {
  return { policy, endpointSets: staticEndpointSets(policy) };
}

/** What is in force, and what is wrong with what is wanted. */
export function policyInForce(wanted: PolicyView, rollouts: Rollouts): PolicyView {
  const { stable } = rollouts;
  const returned = rollouts.problem();
  return {
    ...wanted,
    files: stable?.files.map(({ name }) => name) ?? [],
    revision: stable?.policy.revision ?? '',
    loadedAtMs: stable?.loadedAtMs ?? 0,
    problems: returned === undefined ? wanted.problems : [...wanted.problems, returned],
  };
}
