import type { Position } from '../../base/units/index.ts';
import type { ModelService, Pool } from '../policy/index.ts';

/** One Envoy cluster of a model service. */
export type ServiceCluster = {
  /** `chat`, or `chat/gpu` for one pool of it; endpoint assignment and load reports have the same name. */
  readonly name: string;
  readonly origin: Position;
  /** Absent: all pools are in it. */
  readonly pool?: Pool;
  /** Part of the service's requests that may be meant for it, above 0 and at most 1. */
  readonly ratio: number;
  /** It takes only what the overload ladder moves to its pool; the split knows nothing of it. */
  readonly forDegraded?: true;
};

/** All clusters of a service: those that carry it, and those that take only what its overload ladder moves. */
export function clustersOf(service: ModelService): readonly ServiceCluster[] {
  const carrying = carryingClustersOf(service);
  const known = new Set(carrying.map(({ name }) => name));
  const degraded = service.pools
    .filter((pool) => takesDegraded(service, pool.name) && !known.has(poolCluster(service, pool.name)))
    .map((pool) => ({
      name: poolCluster(service, pool.name),
      origin: pool.origin,
      pool,
      ratio: 1,
      forDegraded: true as const,
    }));
  return [...carrying, ...degraded];
}

/**
 * One cluster carries a service: its pools are endpoints in it, so that retries cross pools and a split is just weights. Only
 * what must be a fixed share has a cluster for each pool, because no weight of an endpoint can promise one under `least_request`.
 * A pool that the split gives nothing has none.
 */
export function carryingClustersOf(service: ModelService): readonly ServiceCluster[] {
  const { name, origin, pools, split } = service;
  if (split?.kind !== 'Fixed') return [{ name, origin, ratio: 1 }];
  const { weights } = split;
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  return pools
    .filter((pool) => (weights[pool.name] ?? 0) > 0)
    .map((pool) => ({
      name: poolCluster(service, pool.name),
      origin: pool.origin,
      pool,
      // All requests of a class may be moved there.
      ratio: takesDegraded(service, pool.name) ? 1 : (weights[pool.name] as number) / total,
    }));
}

/** The cluster of one pool, where it has one. */
export function poolCluster({ name }: ModelService, pool: string): string {
  return `${name}/${pool}`;
}

function takesDegraded({ overload }: ModelService, pool: string): boolean {
  return overload?.actions.some((action) => action.kind === 'Degrade' && action.toPool === pool) === true;
}
