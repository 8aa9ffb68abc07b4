/** What becomes of the fields of a policy in Envoy, and which of Envoy's statistics show it. */
export type Observed = {
  /** Paths in the policy; `.**` stands for everything below. */
  readonly fields: readonly string[];
  /** The Envoy resource and field; or where else it goes. */
  readonly becomes: string;
  /**
   * Names as `/stats` of the admin interface has them. SERVICE, POOL, LISTENER, CLASS, HOST (the virtual host, which is called as the services
   * behind it) and CLUSTER (SERVICE, or SERVICE/POOL of a fixed split) stand for those of the policy.
   */
  readonly stats?: readonly string[];
};

const NOT_SENT = 'nothing: ';
const NOT_YET = 'nothing yet: accepted and not enforced';

export const OBSERVED: Readonly<Record<'SidecarGroup' | 'TrafficClasses' | 'ModelService', readonly Observed[]>> = {
  SidecarGroup: [
    {
      fields: ['spec.identities[]'],
      becomes: `${NOT_SENT}who may join is checked when a stream opens`,
      stats: ['control_plane.connected_state'],
    },
    {
      fields: ['spec.listeners[].name', 'spec.listeners[].address', 'spec.listeners[].port'],
      becomes: 'LDS: a Listener; RDS: the RouteConfiguration of the same name',
      stats: [
        'listener_manager.total_listeners_active',
        'http.LISTENER.downstream_rq_total',
        'http.LISTENER.downstream_cx_active',
        'http.LISTENER.downstream_cx_drain_close',
        'http.LISTENER.no_route',
      ],
    },
    {
      fields: ['spec.modelServices[]'],
      becomes: 'CDS, EDS, RDS: those of the services',
      stats: ['cluster_manager.active_clusters', 'http.LISTENER.rds.LISTENER.update_success'],
    },
    {
      fields: ['spec.trafficClasses.use', 'spec.trafficClasses.allow[]', 'spec.trafficClasses.default'],
      becomes: 'RDS: for each service a route for each allowed class, the default last',
      stats: ['vhost.HOST.route.SERVICE.CLASS.upstream_rq_total'],
    },
    {
      fields: ['spec.envoyAdmin.port'],
      becomes: `${NOT_SENT}Loadline asks there what long streams an Envoy 1.36 has open`,
      stats: ['http.admin.downstream_rq_total'],
    },
    {
      fields: ['spec.rollout.**'],
      becomes: `${NOT_SENT}it decides which sidecars are sent a change first`,
      stats: ['cluster_manager.cds.update_rejected', 'listener_manager.lds.update_rejected'],
    },
  ],
  TrafficClasses: [
    {
      fields: ['spec.header', 'spec.classes[].name'],
      becomes: 'RDS: `match.headers` of the routes of a class, and `request_headers_to_add` for the server',
      stats: ['vhost.HOST.route.SERVICE.CLASS.upstream_rq_total'],
    },
    {
      fields: ['spec.classes[].reserve'],
      becomes: 'RDS: `priority: HIGH`; RTDS `lasting`: `circuit_breakers.CLUSTER.default.*` and `.high.*`',
      stats: [
        'cluster.SERVICE.circuit_breakers.high.rq_open',
        'cluster.SERVICE.circuit_breakers.high.remaining_rq',
        'cluster.SERVICE.circuit_breakers.default.remaining_rq',
      ],
    },
    {
      fields: ['spec.classes[].shed'],
      becomes: 'RTDS `lapsing`: whether and when there is a `loadline.shed.SERVICE.CLASS` of the class',
      stats: ['http.LISTENER.rq_direct_response'],
    },
    {
      fields: ['spec.classes[].window.**'],
      becomes: 'RTDS `lapsing`: outside of it `loadline.shed.SERVICE.CLASS`, as far as the service is full',
      stats: ['http.LISTENER.rq_direct_response'],
    },
  ],
  ModelService: [
    {
      fields: ['spec.hostnames[]', 'spec.match.pathPrefix', 'spec.match.path'],
      becomes: 'RDS: `domains` of a virtual host, `match.prefix` or `match.path` of its routes',
      stats: ['http.LISTENER.no_route', 'cluster.SERVICE.upstream_rq_total'],
    },
    {
      fields: ['spec.match.headers[].name', 'spec.match.headers[].exact'],
      becomes: 'RDS: `match.headers`',
      stats: ['cluster.SERVICE.upstream_rq_total'],
    },
    {
      fields: ['spec.match.models[]'],
      becomes:
        'LDS: the filters `buffer` and `json_to_metadata`; RDS: `match.dynamic_metadata`, and a last route that answers 404 for models that nobody has',
      stats: [
        'json_to_metadata.rq.success',
        'json_to_metadata.rq.invalid_json_body',
        'json_to_metadata.rq.mismatched_content_type',
        'json_to_metadata.rq.no_body',
        'http.LISTENER.rq_direct_response',
        'http.LISTENER.downstream_rq_too_large',
      ],
    },
    {
      fields: ['spec.upstream.protocol'],
      becomes: 'CDS: `HttpProtocolOptions`',
      stats: ['cluster.SERVICE.upstream_cx_http1_total', 'cluster.SERVICE.upstream_cx_http2_total'],
    },
    {
      fields: ['spec.upstream.tls.**'],
      becomes: 'CDS: `transport_socket`',
      stats: [
        'cluster.SERVICE.ssl.handshake',
        'cluster.SERVICE.ssl.connection_error',
        'cluster.SERVICE.ssl.fail_verify_error',
        'cluster.SERVICE.ssl.fail_verify_san',
      ],
    },
    {
      fields: ['spec.pools[].upstream.tls.**'],
      becomes: 'CDS: `transport_socket_matches`; EDS: metadata `envoy.transport_socket_match` with the `pool`',
      stats: ['cluster.SERVICE/POOL.ssl.handshake', 'cluster.SERVICE.POOL.total_match_count'],
    },
    {
      fields: ['spec.timeouts.connect'],
      becomes: 'CDS: `connect_timeout`',
      stats: ['cluster.SERVICE.upstream_cx_connect_timeout', 'cluster.SERVICE.upstream_cx_connect_fail'],
    },
    {
      fields: ['spec.timeouts.responseHeaders', 'spec.timeouts.perTryIdle'],
      becomes: 'RDS: `retry_policy.per_try_timeout`, `per_try_idle_timeout`',
      stats: ['cluster.SERVICE.upstream_rq_per_try_timeout', 'cluster.SERVICE.upstream_rq_per_try_idle_timeout'],
    },
    {
      fields: ['spec.timeouts.streamIdle', 'spec.timeouts.request'],
      becomes: 'RDS: `idle_timeout`, `timeout` of the route',
      stats: ['http.LISTENER.downstream_rq_idle_timeout', 'cluster.SERVICE.upstream_rq_timeout'],
    },
    {
      fields: ['spec.signals.orca.requestFormat'],
      becomes: 'RDS: a request header that asks for it; CDS: `lrs_report_endpoint_metrics`',
      stats: ['cluster_manager.active_clusters'],
    },
    {
      fields: ['spec.signals.engine.**', 'spec.signals.gpu.**', 'spec.signals.push.**', 'spec.pools[].signals.**'],
      becomes: `${NOT_SENT}Loadline reads them; what it makes of them is the weights (EDS)`,
      stats: ['cluster.SERVICE.update_success'],
    },
    {
      fields: ['spec.healthCheck.**'],
      becomes: 'CDS: `health_checks`, `common_lb_config.ignore_new_hosts_until_first_hc`',
      stats: [
        'cluster.SERVICE.health_check.attempt',
        'cluster.SERVICE.health_check.success',
        'cluster.SERVICE.health_check.failure',
        'cluster.SERVICE.health_check.network_failure',
        'cluster.SERVICE.membership_healthy',
      ],
    },
    {
      fields: ['spec.drain.deadline'],
      becomes: 'EDS: `health_status: DRAINING` of who left its pool, for so long at most',
      stats: ['cluster.SERVICE.membership_excluded'],
    },
    {
      fields: ['spec.pools[].endpoints.static[].instance'],
      becomes: `${NOT_SENT}notices that a machine goes away name it`,
      stats: ['cluster.SERVICE.membership_excluded'],
    },
    {
      fields: ['spec.pools[].name'],
      becomes: 'EDS: endpoints of the service; with a fixed split a cluster SERVICE/POOL',
      stats: ['cluster.SERVICE.membership_total', 'cluster.SERVICE/POOL.membership_total'],
    },
    {
      fields: ['spec.pools[].capacityType'],
      becomes: `${NOT_SENT}it is told in views`,
    },
    {
      fields: ['spec.pools[].maxRunningRequests', 'spec.pools[].endpoints.static[].maxRunningRequests'],
      becomes: `${NOT_SENT}the law counts with it; what it makes of it is the weights (EDS)`,
      stats: ['cluster.SERVICE.upstream_rq_active'],
    },
    {
      fields: ['spec.pools[].keepWarm.**'],
      becomes: `${NOT_SENT}Loadline asks the servers itself; a tier without a warm server gets nothing for slowness`,
    },
    {
      fields: ['spec.pools[].modelRevision'],
      becomes: `${NOT_SENT}it says which pools may step in for each other`,
    },
    {
      fields: [
        'spec.pools[].endpoints.static[].address',
        'spec.pools[].endpoints.static[].port',
        'spec.pools[].endpoints.static[].capacity',
        'spec.pools[].endpoints.static[].zone',
      ],
      becomes: 'EDS: `lb_endpoints`, `load_balancing_weight` (`capacity` is its first guess), `locality`',
      stats: [
        'cluster.SERVICE.membership_total',
        'cluster.SERVICE.membership_healthy',
        'cluster.SERVICE.update_no_rebuild',
      ],
    },
    { fields: ['spec.pools[].endpoints.dns.**', 'spec.pools[].endpoints.kubernetes.**'], becomes: NOT_YET },
    {
      fields: ['spec.split.mode', 'spec.split.weights.*'],
      becomes: 'RDS: `weighted_clusters` with constant weights; RTDS `lasting`: `loadline.split.SERVICE.SERVICE/POOL`',
      stats: ['cluster.SERVICE/POOL.upstream_rq_total', 'runtime.num_keys'],
    },
    {
      fields: ['spec.mirror.toService', 'spec.mirror.percent'],
      becomes: 'RDS: `request_mirror_policies`; RTDS `lasting`: `loadline.mirror.SERVICE`',
      stats: ['cluster.SERVICE.upstream_rq_total', 'runtime.num_keys'],
    },
    {
      fields: ['spec.split.tiers[][]'],
      becomes: 'EDS: `priority`; RDS: `retry_priority`',
      stats: ['cluster.SERVICE.lb_healthy_panic', 'cluster.SERVICE.membership_degraded'],
    },
    {
      fields: ['spec.split.failover.consecutiveGatewayFailure'],
      becomes: 'CDS: `outlier_detection.consecutive_gateway_failure`, over that of `outlierDetection`',
      stats: ['cluster.SERVICE.outlier_detection.ejections_enforced_consecutive_gateway_failure'],
    },
    {
      fields: ['spec.split.failover.firstTokenP95Above', 'spec.split.failover.returnAfter'],
      becomes: 'EDS while a tier is given up: `policy.overprovisioning_factor`, `health_status: DEGRADED`',
      stats: ['cluster.SERVICE.membership_degraded', 'cluster.SERVICE.update_success'],
    },
    {
      fields: ['spec.loadBalancer.type'],
      becomes: 'CDS: `load_balancing_policy`',
      stats: ['cluster.SERVICE.lb_recalculate_zone_structures'],
    },
    {
      fields: ['spec.loadBalancer.trafficDistribution'],
      becomes:
        'CDS: `locality_weighted_lb_config`; EDS: `load_balancing_weight` of each locality, in assignments of each zone',
      stats: ['cluster.SERVICE.update_success', 'cluster.SERVICE.upstream_rq_total'],
    },
    {
      fields: ['spec.loadBalancer.hash.header'],
      becomes: 'RDS: `hash_policy`',
      stats: ['cluster.SERVICE.maglev_lb.min_entries_per_host', 'cluster.sessions.maglev_lb.max_entries_per_host'],
    },
    {
      fields: [
        'spec.loadBalancer.weights',
        'spec.loadBalancer.blendRatio',
        'spec.loadBalancer.maxWeightRatio',
        'spec.loadBalancer.warmup',
      ],
      becomes: 'EDS: `load_balancing_weight`',
      stats: ['cluster.SERVICE.update_success', 'cluster.SERVICE.update_no_rebuild'],
    },
    {
      fields: ['spec.outlierDetection.consecutiveGatewayFailure'],
      becomes: 'CDS: `outlier_detection`',
      stats: [
        'cluster.SERVICE.outlier_detection.ejections_detected_consecutive_gateway_failure',
        'cluster.SERVICE.outlier_detection.ejections_enforced_consecutive_gateway_failure',
      ],
    },
    {
      fields: ['spec.outlierDetection.consecutiveLocalOriginFailure'],
      becomes: 'CDS: `outlier_detection`, local errors counted apart',
      stats: ['cluster.SERVICE.outlier_detection.ejections_enforced_consecutive_local_origin_failure'],
    },
    {
      fields: [
        'spec.outlierDetection.interval',
        'spec.outlierDetection.baseEjectionTime',
        'spec.outlierDetection.maxEjectionPercent',
        'spec.outlierDetection.alwaysEjectOneHost',
      ],
      becomes: 'CDS: `outlier_detection`',
      stats: [
        'cluster.SERVICE.outlier_detection.ejections_active',
        'cluster.SERVICE.outlier_detection.ejections_overflow',
        'cluster.SERVICE.outlier_detection.ejections_enforced_total',
      ],
    },
    {
      fields: ['spec.retry.numRetries', 'spec.retry.retryOn[]', 'spec.retry.retriableStatusCodes[]'],
      becomes: 'RDS: `retry_policy`',
      stats: [
        'cluster.SERVICE.upstream_rq_retry',
        'cluster.SERVICE.upstream_rq_retry_success',
        'cluster.SERVICE.upstream_rq_retry_limit_exceeded',
      ],
    },
    {
      fields: ['spec.retry.backOff.baseInterval', 'spec.retry.backOff.maxInterval'],
      becomes: 'RDS: `retry_policy.retry_back_off`',
      stats: ['cluster.SERVICE.upstream_rq_retry_backoff_exponential'],
    },
    {
      fields: ['spec.retry.retryAfter.maxInterval'],
      becomes: 'RDS: `retry_policy.rate_limited_retry_back_off`',
      stats: ['cluster.SERVICE.upstream_rq_retry_backoff_ratelimited'],
    },
    {
      fields: ['spec.classes[].class', 'spec.classes[].timeouts.**', 'spec.classes[].retry.**'],
      becomes: 'RDS: `timeout`, `idle_timeout` and `retry_policy` of the routes of the class',
      stats: ['vhost.HOST.route.SERVICE.CLASS.upstream_rq_retry', 'vhost.HOST.route.SERVICE.CLASS.upstream_rq_timeout'],
    },
    {
      fields: ['spec.retry.budget.percent', 'spec.retry.budget.minRetryConcurrency'],
      becomes:
        'RTDS `lasting`: `circuit_breakers.CLUSTER.default.retry_budget.*`; 0 in `lapsing` while all servers fail that retries in the cluster can reach',
      stats: ['cluster.SERVICE.upstream_rq_retry_overflow', 'cluster.SERVICE.circuit_breakers.default.rq_retry_open'],
    },
    {
      fields: ['spec.circuitBreakers.maxConnections'],
      becomes: 'RTDS `lasting`: `circuit_breakers.CLUSTER.default.max_connections`',
      stats: ['cluster.SERVICE.circuit_breakers.default.cx_open', 'cluster.SERVICE.upstream_cx_overflow'],
    },
    {
      fields: ['spec.circuitBreakers.maxPendingRequests'],
      becomes: 'RTDS `lasting`: `circuit_breakers.CLUSTER.default.max_pending_requests`',
      stats: [
        'cluster.SERVICE.circuit_breakers.default.rq_pending_open',
        'cluster.SERVICE.upstream_rq_pending_overflow',
      ],
    },
    {
      fields: ['spec.circuitBreakers.maxRequests'],
      becomes:
        'RTDS `lasting`: `circuit_breakers.CLUSTER.default.max_requests` (on 1.36 an overflow counts as a pending one)',
      stats: [
        'cluster.SERVICE.circuit_breakers.default.rq_open',
        'cluster.SERVICE.circuit_breakers.default.remaining_rq',
        'cluster.SERVICE.upstream_rq_active_overflow',
      ],
    },
    {
      fields: ['spec.rateLimits[].**'],
      becomes:
        'RDS: `rate_limits` of the routes; ECDS: descriptors of the filter of their scope. With a `cost`: ECDS `rate_limits` with `hits_addend`, and route metadata',
      stats: [
        'sidecar_rate_limit.http_local_rate_limit.enabled',
        'sidecar_rate_limit.http_local_rate_limit.rate_limited',
        'group_rate_limit.http_local_rate_limit.enabled',
        'group_rate_limit.http_local_rate_limit.rate_limited',
      ],
    },
    {
      fields: ['spec.overload.enterAt', 'spec.overload.leaveAt', 'spec.overload.actions[].shed.**'],
      becomes: 'RTDS `lapsing`: `loadline.shed.SERVICE.CLASS`, as far as the service is full',
      stats: ['http.LISTENER.rq_direct_response', 'runtime.num_keys'],
    },
    {
      fields: ['spec.overload.actions[].degrade.**'],
      becomes:
        'CDS, EDS: a cluster SERVICE/POOL; RDS: a route to it for a part of the class; RTDS `lapsing`: `loadline.degrade.SERVICE.CLASS`',
      stats: [
        'vhost.HOST.route.SERVICE.CLASS.degraded.upstream_rq_total',
        'cluster.SERVICE/second.upstream_rq_total',
        'cluster.SERVICE/second.membership_total',
      ],
    },
    { fields: ['spec.admissionQueue.**'], becomes: NOT_YET },
  ],
};

/** The reference page, made from the table. */
export function envoyPage(): string {
  return `
# Observe through Envoy

What each field of [a policy](policy.md) becomes in the sidecars, and the statistics of Envoy that show that it works there. The names are those of
\`/stats\` on Envoy's admin interface (\`/stats/prometheus\` makes labels of their variable parts). SERVICE, POOL, LISTENER and CLASS are names of the
policy; HOST is a virtual host, called as the services behind it are (\`chat\`, \`chat+embed\`); CLUSTER is SERVICE, or SERVICE/POOL where a
split is fixed: then every \`cluster.SERVICE.*\` below is there for each pool.

\`test/e2e/traffic/observe.test.ts\` reads every name of this page from a live Envoy; another test holds the page against the language, field by field.
What sidecars have, and why, says \`loadline proxy-config\`.

${Object.entries(OBSERVED)
  .map(
    ([kind, rows]) =>
      `## ${kind}\n\n| fields | become | Envoy's statistics |\n|---|---|---|\n${rows.map(line).join('\n')}\n`,
  )
  .join('\n')}`;
}

function line({ fields, becomes, stats = [] }: Observed): string {
  const named = fields.map((field) => `\`${field.replace(/^spec\./, '').replace(/\.\*\*$/, '')}\``).join(', ');
  return `| ${named} | ${becomes.replaceAll('|', '\\|')} | ${stats.length === 0 ? '–' : stats.map((stat) => `\`${stat}\``).join('<br>')} |`;
}
