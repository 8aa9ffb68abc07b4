import {
  type AssignmentEncoder,
  type AssignmentEndpoint,
  type AssignmentHealth,
  type AssignmentInput,
  encodedResourceFromBytes,
  encodeResource,
} from '../../base/codec/index.ts';
import { contentHash } from '../../base/units/index.ts';
import type { Plan } from '../control/index.ts';
import type { ModelService, SidecarGroup } from '../policy/index.ts';
import type { Endpoint } from '../topology/index.ts';
import { compareText, servicesOf } from './group-services.ts';
import { SIDECARS_CLUSTER } from './names.ts';
import type { Resource } from './resource.ts';
import { TYPE_URL } from './type-url.ts';

/**
 * The endpoint assignments of a group's services and of the group itself, by name: all that a tick normally sends. A
 * service without endpoints gets an explicit empty assignment: a missing one would leave the old hosts in place.
 */
export function compileAssignments(plan: Plan, group: SidecarGroup, encoder: AssignmentEncoder): readonly Resource[] {
  return [
    ...servicesOf(plan.policy, group).map((service) =>
      assignment(serviceInput(plan, service), encoder, service.origin),
    ),
    assignment(sidecarsInput(plan.sidecars[group.name] ?? []), encoder, group.origin),
  ].sort((a, b) => compareText(a.name, b.name));
}

/** An assignment without endpoints: what a client is told of a name that does not exist. */
export function emptyAssignment(name: string): Resource {
  return { ...encodeResource({ typeUrl: TYPE_URL.endpoint, name, json: { cluster_name: name } }), needs: [] };
}

function assignment(input: AssignmentInput, encoder: AssignmentEncoder, origin: Resource['origin']): Resource {
  const encoded = encodedResourceFromBytes({
    typeUrl: TYPE_URL.endpoint,
    name: input.clusterName,
    bytes: encoder.encode(input),
  });
  return { ...encoded, needs: [], ...(origin === undefined ? {} : { origin }) };
}

/**
 * What an Envoy may ask for whose clusters belong to someone else: the endpoints of a service (`chat`) or of one pool of it
 * (`chat/gpu`). Of the services of its group, or of all where it is in none.
 */
export function compileEndpointsOnly(
  plan: Plan,
  group: SidecarGroup | undefined,
  encoder: AssignmentEncoder,
): readonly Resource[] {
  const services = group === undefined ? plan.policy.services : servicesOf(plan.policy, group);
  return services
    .flatMap((service) => [
      assignment(serviceInput(plan, service), encoder, service.origin),
      ...service.pools.map((pool) => assignment(serviceInput(plan, service, pool.name), encoder, pool.origin)),
    ])
    .sort((a, b) => compareText(a.name, b.name));
}

function serviceInput(plan: Plan, service: ModelService, pool?: string): AssignmentInput {
  const decisions = new Map((plan.decisions[service.name]?.endpoints ?? []).map((each) => [each.id, each]));
  const byZone = new Map<string, { id: string; endpoint: AssignmentEndpoint }[]>();
  for (const endpoint of plan.endpoints[service.name] ?? []) {
    if (pool !== undefined && endpoint.pool !== pool) continue;
    const decision = decisions.get(endpoint.id);
    const draining = endpoint.lifecycle === 'Draining' || decision?.health === 'Draining';
    const zone = byZone.get(endpoint.zone ?? '') ?? [];
    // Without a decision all are equal; a straggler among decided ones gets the least.
    zone.push({
      id: endpoint.id,
      endpoint: onWire(endpoint, decision?.weight ?? 1, draining ? 'DRAINING' : 'HEALTHY'),
    });
    byZone.set(endpoint.zone ?? '', zone);
  }
  return {
    clusterName: pool === undefined ? service.name : `${service.name}/${pool}`,
    localities: [...byZone]
      .sort(([a], [b]) => compareText(a, b))
      .map(([zone, members]) => ({
        zone,
        priority: 0,
        endpoints: members.sort((a, b) => compareText(a.id, b.id)).map(({ endpoint }) => endpoint),
      })),
    // By count, one host with nearly all the weight could fail without any failover.
    weightedPriorityHealth: true,
  };
}

function onWire({ address, port }: Endpoint, weight: number, health: AssignmentHealth): AssignmentEndpoint {
  return { address, port, weight: wireWeight(weight, health), health };
}

/**
 * The weight that is sent: at least 1, because Envoy refuses 0. Envoy overlooks a host that goes from DRAINING to
 * UNHEALTHY or back (both mean "not healthy" to it) unless its weight changes in the same push. So draining hosts have odd
 * weights and unhealthy ones even weights: the change needs no memory.
 */
export function wireWeight(weight: number, health: AssignmentHealth): number {
  const whole = Math.max(1, Math.round(weight));
  const odd = whole % 2 === 1;
  if (health === 'DRAINING') return odd ? whole : whole - 1;
  if (health === 'UNHEALTHY') return odd ? whole + 1 : whole;
  return whole;
}

/**
 * One member per sidecar: Envoy divides the limits of the group by their number. Nobody ever connects to them, so they are
 * UNIX sockets, which unlike ports cannot exist by accident; hashed, because a path holds at most 107 bytes.
 */
function sidecarsInput(nodeIds: readonly string[]): AssignmentInput {
  const paths = [...new Set(nodeIds)].map((id) => `/loadline/sidecar/${contentHash(id)}`).sort(compareText);
  return {
    clusterName: SIDECARS_CLUSTER,
    localities:
      paths.length === 0
        ? []
        : [
            {
              zone: '',
              priority: 0,
              endpoints: paths.map((pipe) => ({ pipe, weight: 1, health: 'HEALTHY' as const })),
            },
          ],
    weightedPriorityHealth: false,
  };
}
