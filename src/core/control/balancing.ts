import { among, type Servers } from '../load/index.ts';
import { carriersOf, type ModelService } from '../policy/index.ts';
import type { Endpoint, EndpointId } from '../topology/index.ts';
import type { EndpointDecision, Outcome, ServiceDecision } from '../weights/index.ts';
import type { TierFailover } from './plan.ts';

/**
 * Pools between whose endpoints the law moves requests freely. With a split there are several in a service, and each is
 * balanced by itself: what one of them gets as a whole is the policy's matter, and no weight inside it can change that.
 */
export type Balance = {
  /** What the memory of its weights is called. A service without a split has one balance, of its own name. */
  readonly key: string;
  readonly pools: readonly string[];
};

export function balancesOf({ name, pools, split }: ModelService): readonly Balance[] {
  if (split === undefined) return [{ key: name, pools: pools.map((pool) => pool.name) }];
  if (split.kind === 'Tiers') return split.tiers.map((tier, i) => ({ key: `${name}#${i}`, pools: tier }));
  return pools.map((pool) => ({ key: `${name}/${pool.name}`, pools: [pool.name] }));
}

/** What the law is to see of one balance of a service; everything, where there is no other. */
export function within({ pools }: Balance, service: ModelService, all: Servers): Servers {
  return service.split === undefined ? all : among(all, ({ pool }) => pools.includes(pool));
}

/** What counts as the outcome of a service when its balances have several: the first of these, else that of the first. */
const LOUDEST: readonly Outcome[] = ['Pushed', 'First', 'Membership'];

/** The decisions about the balances of a service as one. Shares are still those inside each: see {@link divided}. */
export function joined(service: ModelService, parts: readonly ServiceDecision[]): ServiceDecision {
  const [first] = parts;
  if (first === undefined || parts.length === 1) return first as ServiceDecision;
  const outcome = LOUDEST.find((one) => parts.some((part) => part.outcome === one)) ?? first.outcome;
  const shadows = parts.flatMap(({ shadowWeights }) => (shadowWeights === undefined ? [] : [shadowWeights]));
  return {
    ...first,
    service: service.name,
    outcome,
    decidedAtMs: Math.max(...parts.map(({ decidedAtMs }) => decidedAtMs)),
    equal: parts.every(({ equal }) => equal),
    endpoints: parts.flatMap(({ endpoints }) => endpoints).sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)),
    ...(shadows.length === 0 ? {} : { shadowWeights: Object.assign({}, ...shadows) }),
  };
}

/**
 * The decision with shares of the whole service: each balance has its part of the requests, and inside it the endpoints have
 * theirs. A pool of a fixed split without anybody to take requests leaves its part to those that step in (`carriersOf`), as Envoy does; of tiers the first
 * one with somebody has all, less what Loadline sends to the next one.
 */
export function divided(
  service: ModelService,
  endpoints: readonly Endpoint[],
  decision: ServiceDecision,
  failover?: TierFailover,
): ServiceDecision {
  if (service.split === undefined) return decision;
  const poolOf = new Map<EndpointId, string>(endpoints.map(({ id, pool }) => [id, pool]));
  const partOf = new Map<string, number>();
  for (const { pools, ratio } of partsOf(service, decision, poolOf, failover)) {
    const inside = decision.endpoints.filter(({ id }) => pools.includes(poolOf.get(id) ?? ''));
    const sum = inside.reduce((total, { share }) => total + share, 0);
    for (const pool of pools) partOf.set(pool, sum > 0 ? ratio / sum : 0);
  }
  const factor = ({ id }: EndpointDecision): number => partOf.get(poolOf.get(id) ?? '') ?? 0;
  return {
    ...decision,
    endpoints: decision.endpoints.map((one) => ({
      ...one,
      share: one.share * factor(one),
      ...(one.computedShare === undefined ? {} : { computedShare: one.computedShare * factor(one) }),
    })),
  };
}

/**
 * The decision with shares as they stand inside each balance, one that has no requests included: that is what the law decides, and what its
 * reasons are about. Scaled, so that an even share is the same for all.
 */
export function undivided(
  service: ModelService,
  endpoints: readonly Endpoint[],
  decision: ServiceDecision,
): ServiceDecision {
  if (service.split === undefined) return decision;
  const keys = new Map(balancesOf(service).flatMap(({ key, pools }) => pools.map((pool) => [pool, key])));
  const keyOf = new Map(endpoints.map(({ id, pool }) => [id, keys.get(pool) ?? pool]));
  const taking = decision.endpoints.filter(({ health }) => health === 'Healthy');
  const sums = new Map<string, { count: number; share: number; weight: number }>();
  for (const { id, share, weight } of taking) {
    const sum = sums.get(keyOf.get(id) ?? '') ?? { count: 0, share: 0, weight: 0 };
    sums.set(keyOf.get(id) ?? '', { count: sum.count + 1, share: sum.share + share, weight: sum.weight + weight });
  }
  const inside = (one: EndpointDecision): EndpointDecision => {
    const sum = sums.get(keyOf.get(one.id) ?? '');
    if (sum === undefined || one.health !== 'Healthy') return one;
    const part = sum.count / taking.length;
    const { computedShare, ...rest } = one;
    if (sum.share <= 0) return { ...rest, share: (part * one.weight) / sum.weight };
    const scaled = { ...rest, share: (part * one.share) / sum.share };
    return computedShare === undefined ? scaled : { ...scaled, computedShare: (part * computedShare) / sum.share };
  };
  return { ...decision, endpoints: decision.endpoints.map(inside) };
}

/**
 * The servers of the pools that have a part of the service's requests: how full it is says nothing about a standby that waits, nor about a
 * pool without a share. The next tier counts as soon as Loadline would fill it when the first is slow: before that nobody is refused.
 */
export function carrying(
  service: ModelService,
  servers: Servers,
  decision: ServiceDecision,
  failover: TierFailover | undefined,
): Servers {
  const { split } = service;
  if (split === undefined) return servers;
  const poolOf = new Map<EndpointId, string>(servers.endpoints.map(({ id, pool }) => [id, pool]));
  const parts = partsOf(service, decision, poolOf, failover);
  const fills = split.kind === 'Tiers' && split.failover.firstTokenP95AboveMs !== undefined && failover === undefined;
  const pools = new Set(
    parts.filter(({ ratio, isNext }) => ratio > 0 || (fills && isNext)).flatMap((one) => one.pools),
  );
  return among(servers, ({ pool }) => pools.has(pool));
}

/** Part of the service's requests, 0..1, for each balance, and whether it is the tier behind the one that has them. */
function partsOf(
  service: ModelService,
  decision: ServiceDecision,
  poolOf: ReadonlyMap<EndpointId, string>,
  failover: TierFailover | undefined,
): readonly (Balance & { readonly ratio: number; readonly isNext: boolean })[] {
  const { split } = service;
  const taking = new Set(
    decision.endpoints.flatMap(({ id, health }) => (health === 'Healthy' ? [poolOf.get(id) ?? ''] : [])),
  );
  const balances = balancesOf(service);
  const alive = balances.filter(({ pools }) => pools.some((pool) => taking.has(pool)));
  if (split?.kind !== 'Fixed') {
    const [first] = alive;
    const away = failover !== undefined && first === balances[failover.from] ? failover.percent / 100 : 0;
    const next = failover === undefined ? undefined : balances[failover.to];
    return balances.map((one) => ({
      ...one,
      ratio: one === first ? 1 - away : one === next ? away : 0,
      isNext: one === alive[1],
    }));
  }
  const weightOf = ({ pools }: Balance): number => split.weights[pools[0] as string] ?? 0;
  const total = balances.reduce((sum, one) => sum + weightOf(one), 0);
  const ratios = new Map<string, number>();
  const add = (pool: string, ratio: number): void => void ratios.set(pool, (ratios.get(pool) ?? 0) + ratio);
  for (const [pool = '', ...others] of carriersOf(service)) {
    const part = (split.weights[pool] ?? 0) / total;
    // While nobody in it takes requests its share is for those that step in, by theirs; with none it is lost.
    const takers = taking.has(pool) ? [pool] : others.filter((one) => taking.has(one));
    const sum = takers.reduce((weight, one) => weight + (split.weights[one] ?? 0), 0);
    for (const one of takers) add(one, (part * (split.weights[one] ?? 0)) / sum);
  }
  return balances.map((one) => ({ ...one, ratio: ratios.get(one.pools[0] as string) ?? 0, isNext: false }));
}
