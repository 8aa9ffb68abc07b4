import { revisionOf } from './normalise/revision.ts';
import type { Policy } from './policy.ts';

/**
 * The hash of all that decides what the sidecars of one group are sent, beside signals and membership: equal ones get equal resources from
 * two policies. How the group takes changes, who may join it and where it is asked are no part of what it is sent.
 */
export function groupRevision({ groups, services, trafficClasses }: Policy, name: string): string {
  const group = groups.find((one) => one.name === name);
  if (group === undefined) return '';
  const { rollout: _, identities: __, envoyAdmin: ___, ...sent } = group;
  const served = new Set(group.modelServices);
  return revisionOf({
    group: sent,
    services: services.filter((service) => served.has(service.name)),
    classes: trafficClasses.filter((classes) => classes.name === group.trafficClasses?.use),
  });
}
