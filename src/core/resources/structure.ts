import { own } from '../../base/units/index.ts';
import type { Policy, SidecarGroup } from '../policy/index.ts';
import { classesOf } from './classes.ts';
import { compileClusters } from './cluster.ts';
import { compileSlots } from './filter-slots.ts';
import { compareText, servicesOf } from './group-services.ts';
import { compileListener } from './listener.ts';
import { sharers } from './rate-limit.ts';
import type { Resource } from './resource.ts';
import { compileRoutes } from './route.ts';
import { SEND_ORDER } from './type-url.ts';

export type CompileOptions = {
  /** Release band of the node's Envoy, `1.36` to `1.40`: newer fields are left out (it would ignore them silently). */
  readonly release: string;
  /** Listener name to `ip:port`, as the node's metadata asks (`loadline.listeners`). */
  readonly listenerOverrides: Readonly<Record<string, string>>;
  /** How many sidecars share the limits of the group; only a limit whose burst is smaller is affected. Default 1. */
  readonly sidecars?: number;
};

/**
 * Everything that changes only with the policy: clusters, filters, listeners and route configurations of one group, in
 * the order of sending and by name. The same policy gives the same bytes, whatever the order of its documents.
 */
export function compileStructure(policy: Policy, group: SidecarGroup, options: CompileOptions): readonly Resource[] {
  const { release, listenerOverrides } = options;
  const services = servicesOf(policy, group);
  const classes = classesOf(policy, group);
  const readsModels = services.some(({ match }) => match.models !== undefined);
  return [
    ...services.flatMap((service) => compileClusters(service, classes, release)),
    ...compileSlots(services, group, { classes, release, sidecars: sharers(options.sidecars ?? 1) }),
    ...group.listeners.flatMap((listener) => [
      compileListener(listener, { release, override: own(listenerOverrides, listener.name), readsModels }),
      compileRoutes(listener, services, classes, release),
    ]),
  ].sort(inSendOrder);
}

function inSendOrder(a: Resource, b: Resource): number {
  return SEND_ORDER.indexOf(a.typeUrl) - SEND_ORDER.indexOf(b.typeUrl) || compareText(a.name, b.name);
}
