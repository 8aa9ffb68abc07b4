import type { Plan } from './plan.ts';

/** By group, the zones of the servers whose services keep requests in their zone; undefined: no service of the group does. */
const known = new WeakMap<Plan, Map<string, ReadonlySet<string> | undefined>>();

/**
 * The zone of a sidecar as far as it matters for its assignments: undefined where no service of its group keeps requests in their
 * zone, and '' where no server of those is in the zone that it names, because then all such sidecars are given the same.
 */
export function zoneIn(plan: Plan | undefined, group: string, zone: string): string | undefined {
  if (plan === undefined) return undefined;
  let zones = known.get(plan);
  if (zones === undefined) {
    zones = new Map();
    known.set(plan, zones);
  }
  if (!zones.has(group)) zones.set(group, zonesOf(plan, group));
  const there = zones.get(group);
  return there === undefined ? undefined : there.has(zone) ? zone : '';
}

function zonesOf({ policy, endpoints }: Plan, group: string): ReadonlySet<string> | undefined {
  const reached = new Set(policy.groups.find(({ name }) => name === group)?.modelServices);
  const preferring = policy.services.filter(
    ({ name, loadBalancer }) => reached.has(name) && loadBalancer.trafficDistribution === 'PreferSameZone',
  );
  if (preferring.length === 0) return undefined;
  return new Set(preferring.flatMap(({ name }) => (endpoints[name] ?? []).flatMap(({ zone }) => zone ?? [])));
}
