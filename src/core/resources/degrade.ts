import type { JsonObject } from '../../base/codec/index.ts';
import type { ModelService } from '../policy/index.ts';
import { setHeader } from './message.ts';
import { degradeKey } from './runtime-keys.ts';
import { poolCluster } from './service-clusters.ts';

/** Tells client and server who answers in place of the others: `chat/standby`. */
export const DEGRADED_HEADER = 'x-loadline-degraded';

/** The cluster to which the ladder of a service moves requests of a class; undefined: it moves none of them. */
export function degradedCluster(service: ModelService, className: string | undefined): string | undefined {
  for (const action of service.overload?.actions ?? [])
    if (action.kind === 'Degrade' && action.class === className) return poolCluster(service, action.toPool);
  return undefined;
}

/** Whether requests of the service may have the header: nobody but the route of what is moved may set it then. */
export function degradesAny({ overload }: ModelService): boolean {
  return overload?.actions.some(({ kind }) => kind === 'Degrade') === true;
}

/** As a shed, the route is there from the first version and matches nothing until its runtime key says so. */
export function degradedMatch({ name }: ModelService, className: string): JsonObject {
  return {
    runtime_fraction: {
      default_value: { numerator: 0, denominator: 'HUNDRED' },
      runtime_key: degradeKey(name, className),
    },
  };
}

export function degradedHeader(cluster: string): JsonObject {
  return setHeader(DEGRADED_HEADER, cluster);
}
