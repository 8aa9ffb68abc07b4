import { own } from '../../base/units/index.ts';
import type { ModelService, Policy, SidecarGroup } from '../policy/index.ts';
import { servicesOf } from './group-services.ts';
import { makeResource } from './message.ts';
import { LAPSING_LAYER, LAPSING_TTL_MS, LASTING_LAYER } from './names.ts';
import type { Resource } from './resource.ts';
import { breakerKey, checkRuntimeValue, type RuntimeLayer, shedKey, splitPrefix } from './runtime-keys.ts';
import { clustersOf, type ServiceCluster } from './service-clusters.ts';

/** Percentage of new requests that is shed, by service. */
export type Sheds = Readonly<Record<string, number>>;

/**
 * The two runtime layers. Breaker and retry-budget numbers travel here, not in the cluster: a changed cluster would lose
 * its pools, ejections and health. What is shed stands in the layer that lapses with the controller. Throws LOADLINE_RUNTIME_KEY for a number that Envoy would take and must not get.
 */
export function compileRuntime(policy: Policy, group: SidecarGroup, sheds: Sheds = {}): readonly Resource[] {
  const lasting: Record<string, number> = {};
  const lapsing: Record<string, number> = {};
  for (const service of servicesOf(policy, group)) {
    for (const cluster of clustersOf(service)) Object.assign(lasting, breakerValues(service, cluster));
    Object.assign(lasting, splitValues(service));
    const percent = own(sheds, service.name) ?? 0;
    if (percent !== 0) lapsing[shedKey(service.name)] = percent;
  }
  return [layer(LAPSING_LAYER, lapsing, group, LAPSING_TTL_MS), layer(LASTING_LAYER, lasting, group)];
}

/** Limits are those of a sidecar and service: a cluster for a part of the requests has that part of them. */
function breakerValues(service: ModelService, { name, ratio }: ServiceCluster): Record<string, number> {
  const { circuitBreakers, retry } = service;
  const part = (limit: number): number => (ratio === 1 ? limit : Math.max(1, Math.ceil(limit * ratio)));
  return {
    [breakerKey(name, 'max_connections')]: part(circuitBreakers.maxConnections),
    [breakerKey(name, 'max_pending_requests')]: part(circuitBreakers.maxPendingRequests),
    [breakerKey(name, 'max_requests')]: part(circuitBreakers.maxRequests),
    [breakerKey(name, 'retry_budget.budget_percent')]: retry.budget.percent,
    [breakerKey(name, 'retry_budget.min_retry_concurrency')]: retry.budget.minRetryConcurrency,
  };
}

/** All keys of a split, always: with some of them Envoy would mix them with the weights of the route. */
function splitValues({ name, split }: ModelService): Record<string, number> {
  if (split?.kind !== 'Fixed') return {};
  const sent = Object.entries(split.weights).filter(([, weight]) => weight > 0);
  return Object.fromEntries(sent.map(([pool, weight]) => [`${splitPrefix(name)}.${name}/${pool}`, weight]));
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
