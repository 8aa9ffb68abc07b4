import type { JsonObject } from '../../base/codec/index.ts';
import type { ModelService, SidecarGroup } from '../policy/index.ts';
import type { GroupClasses } from './classes.ts';
import { ADS, any, makeResource } from './message.ts';
import { SLOT } from './names.ts';
import { idleRateLimitFilter, LOCAL_RATE_LIMIT, rateLimitFilter } from './rate-limit.ts';
import type { Resource, ResourceRef } from './resource.ts';
import { TYPE_URL } from './type-url.ts';

const FAULT = 'envoy.extensions.filters.http.fault.v3.HTTPFault';
const EXTERNAL_PROCESSOR = 'envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor';

type Slot = { readonly name: string; readonly types: readonly string[]; readonly idle: JsonObject };

/** The order of the filters in the listener. `idle` is in force until the first answer, and where there is nothing to do. */
const SLOTS: readonly Slot[] = [
  {
    name: SLOT.sidecarRateLimit,
    types: [LOCAL_RATE_LIMIT],
    idle: any(LOCAL_RATE_LIMIT, idleRateLimitFilter('Sidecar')),
  },
  { name: SLOT.groupRateLimit, types: [LOCAL_RATE_LIMIT], idle: any(LOCAL_RATE_LIMIT, idleRateLimitFilter('Group')) },
  { name: SLOT.fault, types: [FAULT], idle: any(FAULT) },
  // There is no idle external processor (it needs a service to call), so a fault filter without faults keeps its place.
  { name: SLOT.externalProcessor, types: [EXTERNAL_PROCESSOR, FAULT], idle: any(FAULT) },
];

/** The slots as HTTP filters of a listener. */
export function slotFilters(): readonly JsonObject[] {
  return SLOTS.map(({ name, types, idle }) => ({
    name,
    config_discovery: {
      config_source: ADS,
      default_config: idle,
      apply_default_config_without_warming: true,
      type_urls: types.map((type) => `type.googleapis.com/${type}`),
    },
  }));
}

export function slotRefs(): readonly ResourceRef[] {
  return SLOTS.map(({ name }) => ({ typeUrl: TYPE_URL.extension, name }));
}

/** The configuration of every slot, those without work included: what a sidecar subscribes to, it is answered. */
export function compileSlots(
  services: readonly ModelService[],
  group: SidecarGroup,
  {
    classes,
    release,
    sidecars,
  }: { readonly classes: GroupClasses | undefined; readonly release: string; readonly sidecars: number },
): readonly Resource[] {
  const configs: Readonly<Record<string, JsonObject>> = {
    [SLOT.sidecarRateLimit]: any(LOCAL_RATE_LIMIT, rateLimitFilter(services, classes, 'Sidecar', 1)),
    [SLOT.groupRateLimit]: any(LOCAL_RATE_LIMIT, rateLimitFilter(services, classes, 'Group', sidecars)),
  };
  return SLOTS.map(({ name, idle }) =>
    makeResource({
      type: 'extension',
      name,
      release,
      origin: group.origin,
      json: { name, typed_config: configs[name] ?? idle },
    }),
  );
}
