import type { Position } from '../../base/units/index.ts';
import type { ModelService, Pool } from '../policy/index.ts';

/** One Envoy cluster of a model service. */
export type ServiceCluster = {
  /** `chat`, or `chat/gpu` for one pool of it; endpoint assignment and load reports have the same name. */
  readonly name: string;
  readonly origin: Position;
  /** Absent: all pools are in it. */
  readonly pool?: Pool;
  /** Part of the service's requests that is meant for it, above 0 and at most 1. */
  readonly ratio: number;
};

/**
 * One cluster carries a service: its pools are endpoints in it, so that retries cross pools and a split is just weights. Only
 * what must be a fixed share has a cluster for each pool, because no weight of an endpoint can promise one under `least_request`.
 * A pool that the split gives nothing has none.
 */
export function clustersOf(service: ModelService): readonly ServiceCluster[] {
  const { name, origin, pools, split } = service;
  if (split?.kind !== 'Fixed') return [{ name, origin, ratio: 1 }];
  const { weights } = split;
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  return pools
    .filter((pool) => (weights[pool.name] ?? 0) > 0)
    .map((pool) => ({
      name: `${name}/${pool.name}`,
      origin: pool.origin,
      pool,
      ratio: (weights[pool.name] as number) / total,
    }));
}
