import {
  type AssignmentEncoder,
  type AssignmentEndpoint,
  type AssignmentHealth,
  type AssignmentInput,
  encodedResourceFromBytes,
  encodeResource,
} from '../../base/codec/index.ts';
import { contentHash, own } from '../../base/units/index.ts';
import type { Plan } from '../control/index.ts';
import { carriersOf, type ModelService, type Pool, type SidecarGroup } from '../policy/index.ts';
import type { Endpoint } from '../topology/index.ts';
import { compareText, servicesOf } from './group-services.ts';
import { SIDECARS_CLUSTER } from './names.ts';
import type { Resource } from './resource.ts';
import { clustersOf, poolCluster, type ServiceCluster } from './service-clusters.ts';
import { type TierShares, tierShares } from './tier-shares.ts';
import { socketLabel } from './transport-sockets.ts';
import { TYPE_URL } from './type-url.ts';
import { type Place, zoneWeights } from './zone-weights.ts';

const MAX_WEIGHT = 1000;

/**
 * The endpoint assignments of a group's services and of the group itself, by name: all that a tick normally sends. A
 * service without endpoints gets an explicit empty assignment: a missing one would leave the old hosts in place.
 * @param zone of the sidecars that they are for, which services that keep requests in their zone ask about
 */
export function compileAssignments(
  plan: Plan,
  group: SidecarGroup,
  encoder: AssignmentEncoder,
  zone: string = '',
): readonly Resource[] {
  const zoned = (service: ModelService, input: ServiceInput): AssignmentInput =>
    service.loadBalancer.trafficDistribution === 'PreferSameZone' ? inZone(plan, service, zone, input) : input;
  return [
    ...servicesOf(plan.policy, group).flatMap((service) =>
      clustersOf(service).map((cluster) =>
        assignment(zoned(service, inputOf(plan, service, cluster)), encoder, cluster.origin),
      ),
    ),
    assignment(sidecarsInput(plan.sidecars[group.name] ?? []), encoder, group.origin),
  ].sort((a, b) => compareText(a.name, b.name));
}

function inputOf(plan: Plan, service: ModelService, { pool, forDegraded }: ServiceCluster): ServiceInput {
  if (pool === undefined) return serviceInput(plan, service);
  return forDegraded === true ? degradedInput(plan, service, pool) : shareInput(plan, service, pool);
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
      ...service.pools.map((pool) =>
        assignment(serviceInput(plan, service, { only: pool.name }), encoder, pool.origin),
      ),
    ])
    .sort((a, b) => compareText(a.name, b.name));
}

/** All of a service, or one pool of it, or all but one. Tiers are priorities; without any there is one. */
function serviceInput(
  plan: Plan,
  service: ModelService,
  { only: pool, without }: { readonly only?: string; readonly without?: string } = {},
): ServiceInput {
  const { name, split } = service;
  const isIdle = (of: string): boolean => split?.kind === 'Fixed' && (split.weights[of] ?? 0) === 0;
  const members = membersOf(plan, service)
    .filter((one) => (pool === undefined || one.pool === pool) && one.pool !== without)
    // A pool without a share takes nothing, where it is asked for together with the others.
    .map((one): Member => (pool === undefined && isIdle(one.pool) ? { ...one, health: 'DRAINING' } : one));
  const tiers = split?.kind === 'Tiers' && pool === undefined ? split.tiers : [];
  const tierOf = (one: Member): number =>
    Math.max(
      0,
      tiers.findIndex((tier) => tier.includes(one.pool)),
    );
  const failover = tiers.length === 0 || without !== undefined ? undefined : own(plan.failovers, name);
  const shares = failover === undefined ? undefined : tierShares(failover);
  const weigh = split?.kind === 'Fixed' && pool === undefined ? sharedWeights(split.weights, members) : ownWeight;
  return {
    clusterName: pool === undefined ? name : poolCluster(service, pool),
    localities: localitiesOf(
      shares === undefined ? members : members.map((one) => inShare(one, shares, tierOf(one))),
      tierOf,
      weigh,
    ),
    // By count, one host with nearly all the weight could fail without any failover.
    weightedPriorityHealth: true,
    ...(shares === undefined ? {} : { overprovisioningFactor: shares.overprovisioningFactor }),
  };
}

/** Who drains is no part of what its tier can take, so it weighs next to nothing in it. */
function inShare(one: Member, { isDegraded }: TierShares, tier: number): Member {
  if (one.health === 'DRAINING') return { ...one, weight: 1 };
  return isDegraded(tier) ? { ...one, health: 'DEGRADED' } : one;
}

/** With it one healthy endpoint of a thousand keeps all requests of its priority: Envoy counts in whole percents. */
const KEEP_ALL_FACTOR = 100_000;

/**
 * One pool of a fixed split, and behind it those that step in while it has no healthy endpoint: Envoy sees that at the next
 * request, with or without a controller. Only pools that serve the same model.
 */
function shareInput(plan: Plan, service: ModelService, pool: Pool): ServiceInput {
  const weights = service.split?.kind === 'Fixed' ? service.split.weights : {};
  const substitutes = new Set(
    carriersOf(service)
      .find(([meant]) => meant === pool.name)
      ?.slice(1),
  );
  const members = membersOf(plan, service).filter((one) => one.pool === pool.name || substitutes.has(one.pool));
  const weigh = sharedWeights(
    weights,
    members.filter((one) => one.pool !== pool.name),
  );
  return {
    clusterName: poolCluster(service, pool.name),
    localities: localitiesOf(
      members,
      (one) => (one.pool === pool.name ? 0 : 1),
      (one) => (one.pool === pool.name ? one.weight : weigh(one)),
    ),
    weightedPriorityHealth: false,
    overprovisioningFactor: KEEP_ALL_FACTOR,
  };
}

/**
 * A pool that takes what the overload ladder moves, and behind it those who would have answered otherwise: while nobody in it is well,
 * moving a request changes nothing for it.
 */
function degradedInput(plan: Plan, service: ModelService, { name: pool }: Pool): ServiceInput {
  const others = serviceInput(plan, service, { without: pool });
  const priorities = [...new Set(others.localities.map(({ priority }) => priority))];
  return {
    ...others,
    clusterName: poolCluster(service, pool),
    localities: [
      ...serviceInput(plan, service, { only: pool }).localities,
      ...others.localities.map((one) => ({ ...one, priority: 1 + priorities.indexOf(one.priority) })),
    ],
  };
}

/** What a service's assignment is made of, with what weighs its localities for a zone. */
type ServiceInput = Omit<AssignmentInput, 'localities'> & { readonly localities: readonly Locality[] };
type Locality = AssignmentInput['localities'][number] & Place;

/** Each locality with its weight for the sidecars of a zone, among those of its priority. */
function inZone(plan: Plan, service: ModelService, zone: string, input: ServiceInput): AssignmentInput {
  const priorities = [...new Set(input.localities.map(({ priority }) => priority))];
  const localities = priorities.flatMap((priority) => {
    const places = input.localities.filter((one) => one.priority === priority);
    const weights = zoneWeights(plan, service, zone, places, input.overprovisioningFactor);
    return places.map((place, i) => ({ ...place, weight: weights[i] as number }));
  });
  return { ...input, localities };
}

type Member = {
  readonly id: string;
  readonly pool: string;
  readonly endpoint: Endpoint;
  /** As decided, among those that it is balanced with. */
  readonly weight: number;
  readonly health: AssignmentHealth;
  readonly socketLabel?: string;
};

function membersOf(plan: Plan, service: ModelService): readonly Member[] {
  const { name } = service;
  const labels = new Map(service.pools.map((pool) => [pool.name, socketLabel(service, pool.name)]));
  const decisions = new Map((plan.decisions[name]?.endpoints ?? []).map((each) => [each.id, each]));
  return (plan.endpoints[name] ?? []).map((endpoint) => {
    const { id, pool, lifecycle } = endpoint;
    const decision = decisions.get(id);
    const draining = lifecycle === 'Draining' || decision?.health === 'Draining';
    // Without a decision all are equal; a straggler among decided ones gets the least.
    const weight = decision?.weight ?? 1;
    const label = labels.get(pool);
    const member: Member = { id, pool, endpoint, weight, health: draining ? 'DRAINING' : 'HEALTHY' };
    return label === undefined ? member : { ...member, socketLabel: label };
  });
}

const ownWeight = ({ weight }: Member): number => weight;

/** Weights on one scale for endpoints of several pools of a fixed split: each pool weighs what the split says. */
function sharedWeights(
  split: Readonly<Record<string, number>>,
  members: readonly Member[],
): (member: Member) => number {
  const sums = new Map<string, number>();
  for (const { pool, weight, health } of members)
    if (health === 'HEALTHY') sums.set(pool, (sums.get(pool) ?? 0) + weight);
  const raw = ({ pool, weight }: Member): number => ((split[pool] ?? 0) * weight) / (sums.get(pool) ?? 1);
  const most = members.reduce((top, one) => (one.health === 'HEALTHY' ? Math.max(top, raw(one)) : top), 0);
  return (member) => (most > 0 ? (raw(member) / most) * MAX_WEIGHT : member.weight);
}

/** By priority and zone, each with its endpoints in the order of their ids. */
function localitiesOf(
  members: readonly Member[],
  priorityOf: (member: Member) => number,
  weightOf: (member: Member) => number,
): readonly Locality[] {
  const groups = new Map<string, { readonly zone: string; readonly priority: number; readonly members: Member[] }>();
  for (const member of members) {
    const [zone, priority] = [member.endpoint.zone ?? '', priorityOf(member)];
    const key = `${priority} ${zone}`;
    const group = groups.get(key) ?? { zone, priority, members: [] };
    group.members.push(member);
    groups.set(key, group);
  }
  return [...groups.values()]
    .sort((a, b) => a.priority - b.priority || compareText(a.zone, b.zone))
    .map(({ zone, priority, members: inside }) => ({
      zone,
      priority,
      endpoints: inside.sort((a, b) => compareText(a.id, b.id)).map((one) => onWire(one, weightOf(one))),
      pools: [...new Set(inside.map(({ pool }) => pool))],
      takingRatio: inside.filter(({ health }) => health !== 'DRAINING').length / inside.length,
    }));
}

function onWire(
  { endpoint: { address, port }, health, socketLabel: label }: Member,
  weight: number,
): AssignmentEndpoint {
  const sent = { address, port, weight: wireWeight(weight, health), health };
  return label === undefined ? sent : { ...sent, socketLabel: label };
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
