import type { JsonObject } from '../../base/codec/index.ts';
import { protoDuration } from '../../base/units/index.ts';
import type { LoadBalancer, ModelService } from '../policy/index.ts';
import { type GroupClasses, hasReserve } from './classes.ts';
import { healthChecks, newcomersApart } from './health-check.ts';
import { ADS, any, extension, makeResource } from './message.ts';
import { ORCA_METRIC_NAMES } from './orca-metrics.ts';
import type { Resource } from './resource.ts';
import { BREAKER_DEFAULTS } from './runtime-keys.ts';
import { clustersOf, type ServiceCluster } from './service-clusters.ts';
import { transportSockets } from './transport-sockets.ts';
import { TYPE_URL } from './type-url.ts';

/**
 * Below the 5 s after which uvicorn (vLLM, SGLang) and Node close an idle connection: a request that is written while the
 * server closes would fail, and cannot be told from one that the engine had begun.
 */
const HTTP1_IDLE_TIMEOUT = '4s';

/**
 * The clusters of a model service. They are a function of what rarely changes; weights, health, shares and breaker numbers travel
 * by EDS and RTDS, because a changed cluster loses its pools and its ejections.
 */
export function compileClusters(
  service: ModelService,
  classes: GroupClasses | undefined,
  release: string,
): readonly Resource[] {
  const priorities = hasReserve(classes) ? (['DEFAULT', 'HIGH'] as const) : (['DEFAULT'] as const);
  return clustersOf(service).map((cluster) => compileCluster(service, cluster, priorities, release));
}

function compileCluster(
  service: ModelService,
  { name, origin }: ServiceCluster,
  priorities: readonly ('DEFAULT' | 'HIGH')[],
  release: string,
): Resource {
  return makeResource({
    type: 'cluster',
    name,
    release,
    origin,
    needs: [{ typeUrl: TYPE_URL.endpoint, name }],
    json: {
      name,
      type: 'EDS',
      eds_cluster_config: { service_name: name, eds_config: ADS },
      connect_timeout: protoDuration(service.timeouts.connectMs),
      // A host that discovery has removed takes nothing new, whatever its last health was.
      ignore_health_on_host_removal: true,
      load_balancing_policy: { policies: [{ typed_extension_config: loadBalancer(service) }] },
      common_lb_config: {
        // Panic would send requests to ejected and draining hosts.
        healthy_panic_threshold: { value: 0 },
        // The default of 1 s would hold back ejections behind weight pushes (measured: 133-930 ms).
        update_merge_window: '0s',
        ...newcomersApart(service),
      },
      ...healthChecks(service),
      circuit_breakers: {
        thresholds: priorities.map((priority) => ({
          ...(priority === 'DEFAULT' ? {} : { priority }),
          max_connections: BREAKER_DEFAULTS.maxConnections,
          max_pending_requests: BREAKER_DEFAULTS.maxPendingRequests,
          max_requests: BREAKER_DEFAULTS.maxRequests,
          retry_budget: {
            budget_percent: { value: BREAKER_DEFAULTS.budgetPercent },
            min_retry_concurrency: BREAKER_DEFAULTS.minRetryConcurrency,
          },
          track_remaining: true,
        })),
      },
      outlier_detection: outlierDetection(service),
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': protocolOptions(service),
      },
      ...transportSockets(service),
      upstream_connection_options: {
        tcp_keepalive: { keepalive_time: 30, keepalive_interval: 10, keepalive_probes: 3 },
      },
      ...(service.orca === undefined ? {} : { lrs_report_endpoint_metrics: ORCA_METRIC_NAMES }),
    },
  });
}

function loadBalancer({ loadBalancer: { type, trafficDistribution } }: ModelService): JsonObject {
  const { name, message } = POLICIES[type];
  const full = `envoy.extensions.load_balancing_policies.${message}`;
  if (type === 'Maglev' || type === 'RingHash') return extension(`envoy.load_balancing_policies.${name}`, full);
  // With a local cluster in the bootstrap, zone-aware routing is on unless it is refused here; it would override weights.
  const localities: JsonObject =
    trafficDistribution === 'PreferSameZone'
      ? { locality_weighted_lb_config: {} }
      : { zone_aware_lb_config: { routing_enabled: { value: 0 } } };
  return extension(`envoy.load_balancing_policies.${name}`, full, { locality_lb_config: localities });
}

const POLICIES: Readonly<Record<LoadBalancer['type'], { readonly name: string; readonly message: string }>> = {
  LeastRequest: { name: 'least_request', message: 'least_request.v3.LeastRequest' },
  RoundRobin: { name: 'round_robin', message: 'round_robin.v3.RoundRobin' },
  Maglev: { name: 'maglev', message: 'maglev.v3.Maglev' },
  RingHash: { name: 'ring_hash', message: 'ring_hash.v3.RingHash' },
};

/**
 * Only the detectors that count failures in a row: success rates need a volume that model traffic does not have. A
 * gateway failure (502, 503, 504) ejects; a 500 may be the prompt's fault and does not.
 */
function outlierDetection({ outlierDetection: policy, split, loadBalancer: balancer }: ModelService): JsonObject {
  const failover = split?.kind === 'Tiers' ? split.failover : undefined;
  const givesUpParts = failover !== undefined || balancer.trafficDistribution === 'PreferSameZone';
  return {
    interval: protoDuration(policy.intervalMs),
    base_ejection_time: protoDuration(policy.baseEjectionTimeMs),
    // Envoy counts over all endpoints: with less than all of them a dead tier, or zone, would keep some of its own, and their requests.
    max_ejection_percent: givesUpParts ? 100 : policy.maxEjectionPercent,
    always_eject_one_host: policy.alwaysEjectOneHost,
    consecutive_gateway_failure: failover?.consecutiveGatewayFailure ?? policy.consecutiveGatewayFailure,
    // Envoy's default is 0: detected, counted and not enforced.
    enforcing_consecutive_gateway_failure: 100,
    enforcing_consecutive_5xx: 0,
    split_external_local_origin_errors: true,
    consecutive_local_origin_failure: policy.consecutiveLocalOriginFailure,
    enforcing_consecutive_local_origin_failure: 100,
    enforcing_success_rate: 0,
    enforcing_local_origin_success_rate: 0,
    successful_active_health_check_uneject_host: false,
  };
}

function protocolOptions({ upstream }: ModelService): JsonObject {
  const type = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const http2 = { http2_protocol_options: { connection_keepalive: { interval: '30s', timeout: '5s' } } };
  if (upstream.protocol === 'Http2') return any(type, { explicit_http_config: http2 });
  const http1 = { http_protocol_options: {} };
  return any(type, {
    common_http_protocol_options: { idle_timeout: HTTP1_IDLE_TIMEOUT },
    ...(upstream.protocol === 'Http1' ? { explicit_http_config: http1 } : { auto_config: { ...http1, ...http2 } }),
  });
}
