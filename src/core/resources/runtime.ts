import { own } from '../../base/units/index.ts';
import type { ModelService, Policy, SidecarGroup } from '../policy/index.ts';
import { classesOf, type GroupClasses, hasReserve } from './classes.ts';
import { degradedCluster } from './degrade.ts';
import { servicesOf } from './group-services.ts';
import { makeResource } from './message.ts';
import { LAPSING_LAYER, LAPSING_TTL_MS, LASTING_LAYER } from './names.ts';
import type { Resource } from './resource.ts';
import {
  breakerKey,
  checkRuntimeValue,
  degradeKey,
  mirrorKey,
  type RuntimeLayer,
  shedKey,
  splitPrefix,
} from './runtime-keys.ts';
import { carryingClustersOf, clustersOf, type ServiceCluster } from './service-clusters.ts';
import { splitWeights } from './split-weights.ts';

/** What is so for now, beside what the policy says. */
export type Passing = {
  /** Percentage of new requests that is shed, by service, and by service and class (`chat/P2`). */
  readonly sheds?: Readonly<Record<string, number>>;
  /** Percentage of what is not shed of a service and class (`chat/P1`) that goes to the pool its ladder names. */
  readonly degrades?: Readonly<Record<string, number>>;
  /** Clusters that carry a service in which nothing is tried again. */
  readonly retryCuts?: readonly string[];
};

/**
 * The two runtime layers. Breaker and retry-budget numbers travel here, not in the cluster: a changed cluster would lose
 * its pools, ejections and health. What is shed stands in the layer that lapses with the controller. Throws LOADLINE_RUNTIME_KEY for a number that Envoy would take and must not get.
 */
export function compileRuntime(
  policy: Policy,
  group: SidecarGroup,
  { sheds = {}, degrades = {}, retryCuts = [] }: Passing = {},
): readonly Resource[] {
  const lasting: Record<string, number> = {};
  const lapsing: Record<string, number> = {};
  const classes = classesOf(policy, group);
  for (const service of servicesOf(policy, group)) {
    // What is moved to another pool has all the others behind it: its retries fail where all do.
    const allCut = carryingClustersOf(service).every(({ name }) => retryCuts.includes(name));
    for (const cluster of clustersOf(service)) {
      for (const priority of hasReserve(classes) ? (['default', 'high'] as const) : (['default'] as const)) {
        const openRatio = priority === 'high' ? 1 : (classes?.openRatio ?? 1);
        Object.assign(lasting, breakerValues(service, cluster, priority, openRatio));
        if (retryCuts.includes(cluster.name) || allCut) Object.assign(lapsing, noRetries(cluster, priority));
      }
    }
    Object.assign(lasting, splitValues(service));
    if (service.mirror !== undefined) lasting[mirrorKey(service.name)] = service.mirror.percent;
    const shed = shedPercents(service, classes, sheds);
    Object.assign(lapsing, shedValues(service, shed), degradeValues(service, classes, degrades, shed));
  }
  return [layer(LAPSING_LAYER, lapsing, group, LAPSING_TTL_MS), layer(LASTING_LAYER, lasting, group)];
}

/**
 * Limits are those of a sidecar and service: a cluster for a part of the requests has that part of them, and room for chance. Classes with a reserve may
 * use all of it; for the others the reserves are left out.
 */
function breakerValues(
  service: ModelService,
  cluster: ServiceCluster,
  priority: 'default' | 'high',
  openRatio: number,
): Record<string, number> {
  const { circuitBreakers, retry } = service;
  const part = (limit: number): number => {
    const open = openRatio === 1 ? limit : Math.max(1, Math.floor(limit * openRatio));
    return cluster.ratio === 1 ? open : Math.min(open, Math.ceil(withRoom(open * cluster.ratio)));
  };
  const key = (limit: string): string => breakerKey(cluster.name, limit, priority);
  return {
    [key('max_connections')]: part(circuitBreakers.maxConnections),
    [key('max_pending_requests')]: part(circuitBreakers.maxPendingRequests),
    [key('max_requests')]: part(circuitBreakers.maxRequests),
    [key('retry_budget.budget_percent')]: retry.budget.percent,
    [key('retry_budget.min_retry_concurrency')]: retry.budget.minRetryConcurrency,
  };
}

/** By class, '' for all where there are none. A shed of the whole service is one of each class that may be shed; what is asked for a class counts where it is more. */
function shedPercents(
  { name }: ModelService,
  classes: GroupClasses | undefined,
  sheds: NonNullable<Passing['sheds']>,
): ReadonlyMap<string, number> {
  const all = own(sheds, name) ?? 0;
  if (classes === undefined) return new Map([['', all]]);
  return new Map(
    classes.allowed.map(({ name: one, shed }) => [
      one,
      Math.max(shed === 'Never' ? 0 : all, own(sheds, `${name}/${one}`) ?? 0),
    ]),
  );
}

function shedValues({ name }: ModelService, percents: ReadonlyMap<string, number>): Record<string, number> {
  const asked = [...percents].filter(([, percent]) => percent !== 0);
  return Object.fromEntries(asked.map(([one, percent]) => [shedKey(name, one === '' ? undefined : one), percent]));
}

/**
 * Envoy draws one number for a request and holds it against each fraction in turn: what is shed has the lowest numbers, so what
 * is to go elsewhere is counted from there.
 */
function degradeValues(
  service: ModelService,
  classes: GroupClasses | undefined,
  degrades: NonNullable<Passing['degrades']>,
  shed: ReadonlyMap<string, number>,
): Record<string, number> {
  const values: Record<string, number> = {};
  for (const { name: one } of classes?.allowed ?? []) {
    const percent = own(degrades, `${service.name}/${one}`) ?? 0;
    if (percent === 0 || degradedCluster(service, one) === undefined) continue;
    const refused = shed.get(one) ?? 0;
    values[degradeKey(service.name, one)] = Math.round(refused + ((100 - refused) * percent) / 100);
  }
  return values;
}

/** Requests come to a part by chance: with less than three sigma of room a small one would refuse what the service has room for. */
function withRoom(part: number): number {
  return part + 3 * Math.sqrt(part);
}

/** In the layer that lapses, over the budget of the policy: without a controller it is that again. */
function noRetries({ name }: ServiceCluster, priority: 'default' | 'high'): Record<string, number> {
  return {
    [breakerKey(name, 'retry_budget.budget_percent', priority)]: 0,
    [breakerKey(name, 'retry_budget.min_retry_concurrency', priority)]: 0,
  };
}

/** All keys of a split, always: with some of them Envoy would mix them with the weights of the route. */
function splitValues({ name, split }: ModelService): Record<string, number> {
  if (split?.kind !== 'Fixed') return {};
  const weights = new Map(Object.entries(split.weights).filter(([, weight]) => weight > 0));
  return Object.fromEntries(
    [...splitWeights(weights)].map(([pool, weight]) => [`${splitPrefix(name)}.${name}/${pool}`, weight]),
  );
}

function layer(
  name: RuntimeLayer,
  values: Readonly<Record<string, number>>,
  group: SidecarGroup,
  ttlMs?: number,
): Resource {
  for (const [key, value] of Object.entries(values)) checkRuntimeValue(name, key, value);
  return makeResource({
    type: 'runtime',
    name,
    json: { name, layer: values },
    origin: group.origin,
    ...(ttlMs === undefined ? {} : { ttlMs }),
  });
}
