export type MetricKind = 'counter' | 'gauge' | 'histogram';

export type MetricDefinition = {
  readonly kind: MetricKind;
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds, of a histogram. */
  readonly buckets?: readonly number[];
};

export type MetricName =
  | 'loadline_xds_pushes_total'
  | 'loadline_xds_resources_sent_total'
  | 'loadline_xds_nacks_total'
  | 'loadline_xds_ack_latency_seconds'
  | 'loadline_xds_streams'
  | 'loadline_load_reports_total'
  | 'loadline_ticks_total'
  | 'loadline_tick_duration_seconds'
  | 'loadline_decision_age_seconds'
  | 'loadline_endpoint_weight'
  | 'loadline_endpoint_share'
  | 'loadline_endpoint_issued_share'
  | 'loadline_endpoint_in_flight'
  | 'loadline_endpoint_pressure'
  | 'loadline_sample_age_seconds'
  | 'loadline_endpoints_without_series'
  | 'loadline_signal_scrapes_total'
  | 'loadline_signal_errors_total'
  | 'loadline_signal_refusals_total'
  | 'loadline_policy_reloads_total'
  | 'loadline_policy_info'
  | 'loadline_policy_problems'
  | 'loadline_event_loop_lag_seconds'
  | 'loadline_build_info';

const ENDPOINT: readonly string[] = ['service', 'pool', 'endpoint'];

/**
 * Every metric of our own, by its full name. Prometheus naming: base units, `_total` on counters.
 * `docs/reference/metrics.md` is generated from this table.
 */
export const METRICS: Readonly<Record<MetricName, MetricDefinition>> = {
  loadline_xds_pushes_total: {
    kind: 'counter',
    help: 'Responses sent to Envoys. CDS, LDS and RDS stand still while weights move.',
    labels: ['type', 'group'],
  },
  loadline_xds_resources_sent_total: {
    kind: 'counter',
    help: 'Resources in those responses, removals included.',
    labels: ['type'],
  },
  loadline_xds_nacks_total: {
    kind: 'counter',
    help: 'Responses that an Envoy refused. Any is worth a look: `loadline status` has its words.',
    labels: ['type'],
  },
  loadline_xds_ack_latency_seconds: {
    kind: 'histogram',
    help: 'From sending a response to its ACK or NACK.',
    labels: ['type'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  loadline_xds_streams: {
    kind: 'gauge',
    help: 'Open streams from Envoys, by kind: `ads` for configuration, `lrs` for load reports.',
    labels: ['kind'],
  },
  loadline_load_reports_total: { kind: 'counter', help: 'Load reports received from Envoys.', labels: [] },
  loadline_ticks_total: { kind: 'counter', help: 'Ticks of the control loop. Stands still when it hangs.', labels: [] },
  loadline_tick_duration_seconds: {
    kind: 'histogram',
    help: 'Time that one tick takes, from samples to published resources.',
    labels: [],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  },
  loadline_decision_age_seconds: {
    kind: 'gauge',
    help: 'Age of the weights that stand. Old is normal while the load is even.',
    labels: ['service'],
  },
  loadline_endpoint_weight: { kind: 'gauge', help: 'Weight as sent to Envoy, 1 to 1000.', labels: ENDPOINT },
  loadline_endpoint_share: {
    kind: 'gauge',
    help: 'Target share of the new requests of the service, 0 to 1.',
    labels: ENDPOINT,
  },
  loadline_endpoint_issued_share: {
    kind: 'gauge',
    help: 'Share that the sidecars really issued, from their load reports, 0 to 1.',
    labels: ENDPOINT,
  },
  loadline_endpoint_in_flight: {
    kind: 'gauge',
    help: 'Requests in flight as believed, over all sidecars and foreign clients.',
    labels: ENDPOINT,
  },
  loadline_endpoint_pressure: {
    kind: 'gauge',
    help: 'Requests in flight over slots, raised by KV cache pressure; 1 is full.',
    labels: ENDPOINT,
  },
  loadline_sample_age_seconds: {
    kind: 'gauge',
    help: 'Age of what is known about an endpoint, by kind: `engine`, `gpu`, `reports`; `newest` is the youngest of them.',
    labels: [...ENDPOINT, 'kind'],
  },
  loadline_endpoints_without_series: {
    kind: 'gauge',
    help: 'Endpoints that have no series of their own because the cap is reached; `/api/state` has them all.',
    labels: [],
  },
  loadline_signal_scrapes_total: { kind: 'counter', help: 'Scrapes of metric pages tried.', labels: ['kind'] },
  loadline_signal_errors_total: {
    kind: 'counter',
    help: 'Scrapes that gave nothing usable, by reason. The log names the source.',
    labels: ['kind', 'reason'],
  },
  loadline_signal_refusals_total: {
    kind: 'counter',
    help: 'Values on metric pages that were not believed: no number, out of range, or two that contradict each other.',
    labels: [],
  },
  loadline_policy_reloads_total: {
    kind: 'counter',
    help: 'Policy loads, by result: `accepted`, `refused` or `unchanged`.',
    labels: ['result'],
  },
  loadline_policy_info: { kind: 'gauge', help: 'The policy revision that runs; the value is 1.', labels: ['revision'] },
  loadline_policy_problems: {
    kind: 'gauge',
    help: 'Problems of the newest policy load; above 0 the last good policy runs instead.',
    labels: [],
  },
  loadline_event_loop_lag_seconds: {
    kind: 'gauge',
    help: 'How late timers fired since the scrape before, by statistic: `p50`, `p99`, `max`.',
    labels: ['stat'],
  },
  loadline_build_info: { kind: 'gauge', help: 'The version that runs; the value is 1.', labels: ['version'] },
};
