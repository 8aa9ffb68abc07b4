import { own } from '../../../base/units/index.ts';
import type { ModelService, Pool, SidecarGroup, Signals, Split, TrafficClasses } from '../policy.ts';
import type { ServiceSpec } from '../schema/model-service.ts';
import type { PoolSpec } from '../schema/pool.ts';
import type { GroupSpec } from '../schema/sidecar-group.ts';
import type { SplitSpec } from '../schema/split.ts';
import type { ClassesSpec } from '../schema/traffic-classes.ts';
import type { PolicyDocument } from '../text/policy-document.ts';

/** The schemas have filled in defaults and units; what is left is what needs the text or the neighbours. */
export function normaliseGroup(document: PolicyDocument, name: string, spec: GroupSpec): SidecarGroup {
  return {
    name,
    origin: document.position([]),
    ...spec,
    listeners: spec.listeners.map((listener, index) => ({
      ...listener,
      origin: document.position(['spec', 'listeners', index]),
    })),
  };
}

export function normaliseClasses(document: PolicyDocument, name: string, spec: ClassesSpec): TrafficClasses {
  return { name, origin: document.position([]), ...spec };
}

export function normaliseService(document: PolicyDocument, name: string, spec: ServiceSpec): ModelService {
  const {
    signals: { orca, ...signals },
    pools,
    split,
    rateLimits,
    ...rest
  } = spec;
  const divided = normaliseSplit(split, pools);
  return {
    name,
    origin: document.position([]),
    ...rest,
    pools: pools.map((pool, index) => normalisePool(document, pool, index, signals)),
    ...(divided === undefined ? {} : { split: divided }),
    rateLimits: rateLimits.map((limit, index) => ({
      ...limit,
      origin: document.position(['spec', 'rateLimits', index]),
    })),
    ...(orca === undefined ? {} : { orca }),
  };
}

/** `engine` and `gpu` of a pool each replace the one of the service as a whole: half a source is none. */
function normalisePool(document: PolicyDocument, pool: PoolSpec, index: number, shared: Signals): Pool {
  return {
    ...pool,
    origin: document.position(['spec', 'pools', index]),
    signals: { ...shared, ...pool.signals },
  };
}

/** With one pool every split says the same as none: all of it goes there. */
function normaliseSplit(split: SplitSpec | undefined, pools: readonly PoolSpec[]): Split | undefined {
  if (split === undefined || split.kind === 'Adaptive' || pools.length === 1) return undefined;
  if (split.kind === 'Tiers') return split;
  return { kind: 'Fixed', weights: Object.fromEntries(pools.map(({ name }) => [name, own(split.weights, name) ?? 0])) };
}
