import { own } from '../../base/units/index.ts';
import type { ModelService, Policy, SidecarGroup } from '../policy/index.ts';
import { servicesOf } from './group-services.ts';
import { makeResource } from './message.ts';
import { LAPSING_LAYER, LAPSING_TTL_MS, LASTING_LAYER } from './names.ts';
import type { Resource } from './resource.ts';
import { breakerKey, checkRuntimeValue, type RuntimeLayer, shedKey } from './runtime-keys.ts';

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
    Object.assign(lasting, breakerValues(service));
    const percent = own(sheds, service.name) ?? 0;
    if (percent !== 0) lapsing[shedKey(service.name)] = percent;
  }
  return [layer(LAPSING_LAYER, lapsing, group, LAPSING_TTL_MS), layer(LASTING_LAYER, lasting, group)];
}

function breakerValues(service: ModelService): Record<string, number> {
  const { circuitBreakers, retry, name } = service;
  return {
    [breakerKey(name, 'max_connections')]: circuitBreakers.maxConnections,
    [breakerKey(name, 'max_pending_requests')]: circuitBreakers.maxPendingRequests,
    [breakerKey(name, 'max_requests')]: circuitBreakers.maxRequests,
    [breakerKey(name, 'retry_budget.budget_percent')]: retry.budget.percent,
    [breakerKey(name, 'retry_budget.min_retry_concurrency')]: retry.budget.minRetryConcurrency,
  };
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
