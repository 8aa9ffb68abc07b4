import { HANDSHAKE_REASONS } from '../tls/index.ts';
import { XDS_TYPES } from './xds-types.ts';

export type MetricKind = 'counter' | 'gauge' | 'histogram';

export type MetricDefinition = {
  readonly kind: MetricKind;
  readonly help: string;
  readonly labels: readonly string[];
  /**
   * Every value of every label, where the sets are fixed: such a counter has all its series from the start, at 0. Otherwise
   * the first event of a series would be invisible to `rate()` and `increase()`.
   */
  readonly values?: Readonly<Record<string, readonly string[]>>;
  /** Upper bounds, of a histogram. */
  readonly buckets?: readonly number[];
};

export type MetricName =
  | 'loadline_xds_pushes_total'
  | 'loadline_xds_resources_sent_total'
  | 'loadline_xds_nacks_total'
  | 'loadline_xds_ack_latency_seconds'
  | 'loadline_xds_refused_total'
  | 'loadline_xds_waits_given_up_total'
  | 'loadline_xds_streams'
  | 'loadline_load_reports_total'
  | 'loadline_envoy_admin_asks_total'
  | 'loadline_ticks_total'
  | 'loadline_tick_duration_seconds'
  | 'loadline_decision_age_seconds'
  | 'loadline_shifts_total'
  | 'loadline_shift_seconds'
  | 'loadline_shift_beyond_ratio'
  | 'loadline_loop_delay_seconds'
  | 'loadline_loop_damping_ratio'
  | 'loadline_herds_total'
  | 'loadline_endpoint_weight'
  | 'loadline_endpoint_share'
  | 'loadline_endpoint_issued_share'
  | 'loadline_endpoint_in_flight'
  | 'loadline_endpoint_pressure'
  | 'loadline_endpoints_drained'
  | 'loadline_endpoint_signals'
  | 'loadline_operations'
  | 'loadline_saturation'
  | 'loadline_saturation_without_spot'
  | 'loadline_overload_level'
  | 'loadline_failover_ratio'
  | 'loadline_zone_local_ratio'
  | 'loadline_zone_demand_ratio'
  | 'loadline_zone_capacity_ratio'
  | 'loadline_first_token_seconds'
  | 'loadline_prompts_total'
  | 'loadline_warm_endpoints'
  | 'loadline_shed_ratio'
  | 'loadline_degraded_ratio'
  | 'loadline_sample_age_seconds'
  | 'loadline_endpoints_without_series'
  | 'loadline_signal_scrapes_total'
  | 'loadline_signal_errors_total'
  | 'loadline_signal_refusals_total'
  | 'loadline_push_streams'
  | 'loadline_push_values_total'
  | 'loadline_push_refusals_total'
  | 'loadline_push_leases_over_total'
  | 'loadline_push_takeovers_total'
  | 'loadline_tls_certificate_expiration_timestamp_seconds'
  | 'loadline_tls_reloads_total'
  | 'loadline_tls_handshake_failures_total'
  | 'loadline_admin_refused_total'
  | 'loadline_access_reloads_total'
  | 'loadline_policy_reloads_total'
  | 'loadline_policy_info'
  | 'loadline_policy_problems'
  | 'loadline_rollouts_total'
  | 'loadline_rollout_canaries'
  | 'loadline_event_loop_lag_seconds'
  | 'loadline_build_info';

const TYPES = { type: XDS_TYPES };

const ENDPOINT: readonly string[] = ['service', 'pool', 'endpoint'];

/**
 * Every metric of our own, by its full name. Prometheus naming: base units, `_total` on counters.
 * `docs/reference/metrics.md` is generated from this table.
 */
export const METRICS: Readonly<Record<MetricName, MetricDefinition>> = {
  loadline_xds_pushes_total: {
    kind: 'counter',
    help: 'Responses with configuration sent to Envoys, by xDS type and sidecar group; heartbeats are not counted. While weights move, only `eds` rises.',
    labels: ['type', 'group'],
  },
  loadline_xds_resources_sent_total: {
    kind: 'counter',
    help: 'Resources in those responses (clusters, endpoint assignments and so on), removals included.',
    labels: ['type'],
    values: TYPES,
  },
  loadline_xds_nacks_total: {
    kind: 'counter',
    help: 'Responses that an Envoy refused (NACK), by xDS type. Any is worth a look: `loadline status` has the words of the Envoy.',
    labels: ['type'],
    values: TYPES,
  },
  loadline_xds_ack_latency_seconds: {
    kind: 'histogram',
    help: 'Time from sending a response, or a heartbeat, to the answer of the Envoy (ACK or NACK).',
    labels: ['type'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  loadline_xds_refused_total: {
    kind: 'counter',
    help: 'Calls of Envoys that were turned away, by reason: `Busy` (too many at once; it tries again), `Identity` (no such sidecar group, or the certificate does not allow it), `Limit` (too many streams, names or requests), `Protocol` (not what xDS allows).',
    labels: ['reason'],
    values: { reason: ['Busy', 'Identity', 'Limit', 'Protocol'] },
  },
  loadline_xds_waits_given_up_total: {
    kind: 'counter',
    help: 'Changes held back until the Envoy takes another one (make before break) that went out all the same because it did not in time, by xDS type. The log names the node and the reason.',
    labels: ['type'],
    values: TYPES,
  },
  loadline_xds_streams: {
    kind: 'gauge',
    help: 'Open streams from Envoys, by kind: `ads` for configuration, `lrs` for load reports. A sidecar has one of each; absent until the first comes.',
    labels: ['kind'],
  },
  loadline_load_reports_total: {
    kind: 'counter',
    help: 'Load reports received; each sidecar sends one a second.',
    labels: [],
  },
  loadline_envoy_admin_asks_total: {
    kind: 'counter',
    help: 'Times that the admin interface of an Envoy 1.36 was asked what it has open (`envoyAdmin` of the group): `answered`; `failed`, and the log says why; `skipped`, because too many were being asked.',
    labels: ['outcome'],
    values: { outcome: ['answered', 'failed', 'skipped'] },
  },
  loadline_ticks_total: {
    kind: 'counter',
    help: 'Ticks of the control loop, one a second. Stands still when the loop hangs.',
    labels: [],
  },
  loadline_tick_duration_seconds: {
    kind: 'histogram',
    help: 'Time that one tick takes, from taking in samples to publishing resources.',
    labels: [],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  },
  loadline_decision_age_seconds: {
    kind: 'gauge',
    help: 'Time since the weights of the service last changed. Old is normal while the load is even.',
    labels: ['service'],
  },
  loadline_shifts_total: {
    kind: 'counter',
    help: 'Times that the target share of an endpoint moved by more than a quarter and came to rest, by result: `Followed` when nine tenths of the way were issued too, or `NotFollowed`; and by cause: `Load` when a server became slower, faster, fuller or emptier by itself, `Policy` when an operator edited weights, capacities or drained, `Membership` when endpoints joined or left.',
    labels: ['result', 'cause'],
    values: { result: ['Followed', 'NotFollowed'], cause: ['Load', 'Policy', 'Membership'] },
  },
  loadline_shift_seconds: {
    kind: 'histogram',
    help: 'Time from the tick that sensed such a move to its stages: `decided` (a changed weight was published), `acked` (the last sidecar had taken it; those that refuse or leave are not waited for), `half` and `most` (half and nine tenths of the way in the requests that sidecars really issued).',
    labels: ['stage', 'cause'],
    buckets: [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60, 120],
  },
  loadline_shift_beyond_ratio: {
    kind: 'histogram',
    help: 'How far the issued share went beyond the new target before it came to rest, as a part of the target. Some of it drains the queue of a slower server.',
    labels: ['cause'],
    buckets: [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1],
  },
  loadline_loop_delay_seconds: {
    kind: 'gauge',
    help: 'Delay of the control loop as measured, by part: `reports` (age of load reports at the tick), `ack` (from sending weights to the ACK), `picks` (from changed weights to changed requests, over past shifts). The gain falls where the first two exceed a second.',
    labels: ['service', 'part'],
  },
  loadline_loop_damping_ratio: {
    kind: 'gauge',
    help: 'Factor on the gain of the control law. Below 1 after weights and requests in flight were seen to chase each other; it recovers by a tenth a minute.',
    labels: ['service'],
  },
  loadline_herds_total: {
    kind: 'counter',
    help: 'Times that weights and requests in flight were seen to chase each other, and the gain was halved. Look for news that come late.',
    labels: ['service'],
  },
  loadline_endpoint_weight: {
    kind: 'gauge',
    help: 'Load-balancing weight as sent to Envoy, 1 to 1000.',
    labels: ENDPOINT,
  },
  loadline_endpoint_share: {
    kind: 'gauge',
    help: 'Share of the new requests of the service that the control law aims at, 0 to 1. The weights leave small differences out.',
    labels: ENDPOINT,
  },
  loadline_endpoint_issued_share: {
    kind: 'gauge',
    help: 'Share of the new requests that the sidecars really sent there, from their load reports, 0 to 1.',
    labels: ENDPOINT,
  },
  loadline_endpoint_in_flight: {
    kind: 'gauge',
    help: 'Requests that the endpoint has in hand, running or queued, as believed: those of all sidecars and of clients that bypass them.',
    labels: ENDPOINT,
  },
  loadline_endpoint_pressure: {
    kind: 'gauge',
    help: 'Requests in flight over the batch limit of the engine, raised when its KV cache is nearly full. 1 is full; above 1 requests queue.',
    labels: ENDPOINT,
  },
  loadline_endpoints_drained: {
    kind: 'gauge',
    help: 'Endpoints that get no new requests, by service and reason: `GpuFault` (a fatal XID of its GPU), `Left` (it is in its pool no more, and finishes what it has) or `Asked` (discovery, an operator or a notice says so).',
    labels: ['service', 'reason'],
  },
  loadline_endpoint_signals: {
    kind: 'gauge',
    help: 'Endpoints by service, signal (`engine`, `kv`, `gpu`, `clock`, `throttle`, `xid`, `reports`) and what is made of it: `Fresh`, `Stale`, `Absent`, `Conflict` (it says what cannot be, or another source contradicts it) or `Ignored` (heard, without a say). `loadline explain` says why.',
    labels: ['service', 'signal', 'state'],
  },
  loadline_operations: {
    kind: 'gauge',
    help: 'What operators do by hand now, by kind: `Freeze`, `Drain`, `Failover`, `Shed`. `loadline operations list` says what, why and until when.',
    labels: ['kind'],
  },
  loadline_saturation: {
    kind: 'gauge',
    help: 'How full the servers of a service are: requests in flight over batch slots, smoothed over two seconds. 1 is the knee, above it requests queue. No series while it is unknown. Fit to scale by.',
    labels: ['service'],
  },
  loadline_saturation_without_spot: {
    kind: 'gauge',
    help: 'How full the other servers of a service would be if its Spot pools were gone, with what is in flight now. Above 1 there is no reserve for that. No series for a service without a Spot pool, or while it is unknown.',
    labels: ['service'],
  },
  loadline_overload_level: {
    kind: 'gauge',
    help: 'Steps of the overload ladder of a service that are in use; 0: nothing is given up. No series for a service without a ladder.',
    labels: ['service'],
  },
  loadline_shed_ratio: {
    kind: 'gauge',
    help: 'Part of the new requests of a class that the overload ladder refuses, 0 to 1; no series for a class of which it refuses nothing. What is shed by hand is not counted.',
    labels: ['service', 'class'],
  },
  loadline_degraded_ratio: {
    kind: 'gauge',
    help: 'Part of the new requests of a class that are not shed which the overload ladder moves to the pool, 0 to 1; no series for a class of which it moves nothing.',
    labels: ['service', 'class', 'pool'],
  },
  loadline_failover_ratio: {
    kind: 'gauge',
    help: 'Part of the new requests of a service that Loadline sends from a tier to the next one, 0 to 1. No series for a service without tiers. What Envoy sends there by itself is not counted.',
    labels: ['service'],
  },
  loadline_zone_local_ratio: {
    kind: 'gauge',
    help: 'Part of the requests of a service that stays in the zone of its sidecar, 0 to 1: `planned`, what it is to be, and `measured`, what it was over the last 20 s with requests. No series for a service without `trafficDistribution`.',
    labels: ['service', 'kind'],
  },
  loadline_zone_demand_ratio: {
    kind: 'gauge',
    help: 'Part of the requests of a service that the sidecars of a zone send, 0 to 1, as the assignments of the zones have it. The zone is empty for sidecars where there are no servers.',
    labels: ['service', 'zone'],
  },
  loadline_zone_capacity_ratio: {
    kind: 'gauge',
    help: 'Part of the requests of a service that the servers of a zone are to have, 0 to 1, as the assignments of the zones have it.',
    labels: ['service', 'zone'],
  },
  loadline_first_token_seconds: {
    kind: 'gauge',
    help: 'Time to the first token of a tier, 95 % of the requests at most, from the histograms of its engines over the last half of `returnAfter`. Tiers count from 1. No series while fewer than 20 requests tell, nor without `firstTokenP95Above`.',
    labels: ['service', 'tier', 'quantile'],
  },
  loadline_prompts_total: {
    kind: 'counter',
    help: "Prompts of Loadline's own that keep servers warm (`keepWarm`), by what came of them: `Answered` (2xx), `Status` (another one), `TimedOut`, `Failed` (no connection, or no HTTP), `Unsent` (not allowed, or too many at once).",
    labels: ['result'],
    values: { result: ['Answered', 'Status', 'TimedOut', 'Failed', 'Unsent'] },
  },
  loadline_warm_endpoints: {
    kind: 'gauge',
    help: 'Endpoints of a pool with `keepWarm`, by what their last answers say: `Warm`, `Cold`, `Unknown`. No series for other pools.',
    labels: ['service', 'pool', 'state'],
  },
  loadline_sample_age_seconds: {
    kind: 'gauge',
    help: 'Age of what is known about the endpoint, by kind: `engine`, `gpu`, `reports`; `newest` is the youngest of them.',
    labels: [...ENDPOINT, 'kind'],
  },
  loadline_endpoints_without_series: {
    kind: 'gauge',
    help: 'Endpoints left out of this page because it has its limit of 10,000 endpoint series; `/api/state` has them all.',
    labels: [],
  },
  loadline_signal_scrapes_total: {
    kind: 'counter',
    help: 'Reads of metric pages and files that were tried, by kind: `engine`, `gpu`, `prometheus`, `file`.',
    labels: ['kind'],
    values: { kind: ['engine', 'gpu', 'prometheus', 'file'] },
  },
  loadline_signal_errors_total: {
    kind: 'counter',
    help: 'Reads of metric pages that gave nothing usable, by kind and reason (such as `Timeout`, `Unreachable`, `Status`). `loadline status` and the log name the page.',
    labels: ['kind', 'reason'],
  },
  loadline_signal_refusals_total: {
    kind: 'counter',
    help: 'Values on metric pages that were not believed: not a number, out of range, or two that contradict each other.',
    labels: [],
  },
  loadline_push_streams: {
    kind: 'gauge',
    help: 'Agents (`loadline agent`) that are connected.',
    labels: [],
  },
  loadline_push_values_total: {
    kind: 'counter',
    help: 'Values that agents pushed and that were taken, those that they said are unchanged included.',
    labels: [],
  },
  loadline_push_refusals_total: {
    kind: 'counter',
    help: 'What agents pushed and was refused, by reason: `NoEndpoint` (the policy has no such endpoint, or more than one), `NotAllowed` (no `signals.push` in its policy, or the access policy does not let the agent speak for its service), `Superseded` (another agent, whose stream is newer, speaks for it), `Age` (older than its lease), `Metric` (unknown here), `Range` (it cannot be), `NotHeld` (said to be unchanged, but not known), `Limit` (too many subjects). The log of the agent names each.',
    labels: ['reason'],
    values: { reason: ['NoEndpoint', 'NotAllowed', 'Superseded', 'Age', 'Metric', 'Range', 'NotHeld', 'Limit'] },
  },
  loadline_push_leases_over_total: {
    kind: 'counter',
    help: 'Times that an agent was silent about an engine or a GPU for longer than its lease, which made unknown what it had said.',
    labels: [],
  },
  loadline_push_takeovers_total: {
    kind: 'counter',
    help: 'Times that an agent began to speak for what another agent spoke for. Any is worth a look: two agents have the same endpoint in their flags.',
    labels: [],
  },
  loadline_tls_certificate_expiration_timestamp_seconds: {
    kind: 'gauge',
    help: 'When what the server uses ends, in seconds since 1970: `server` (its own certificate or one of its chain), `client_ca`, `client_crl` (the revocation list; after it no client is let in). Absent with `--dev`.',
    labels: ['certificate'],
  },
  loadline_tls_reloads_total: {
    kind: 'counter',
    help: 'Times that other certificates, keys or lists were found in the files, by result: `accepted`, or `refused`, and the server keeps what it has; the log and `loadline status` say why.',
    labels: ['result'],
    values: { result: ['accepted', 'refused'] },
  },
  loadline_tls_handshake_failures_total: {
    kind: 'counter',
    help: 'Clients that were not let in, by listener and reason: `NoCertificate`, `UnknownIssuer` (not signed by the client CA), `Expired` (or not valid yet), `Revoked`, `Crl` (the revocation list itself is out of its time, or one is missing), `Protocol` (no TLS 1.3, or no TLS at all), `Other`. The log has the code.',
    labels: ['listener', 'reason'],
    values: { listener: ['xds', 'admin'], reason: HANDSHAKE_REASONS },
  },
  loadline_admin_refused_total: {
    kind: 'counter',
    help: 'Calls of the admin API that were turned away, by reason: `Unauthenticated` (a token that does not count) or `Denied` (no role for it). The log names the caller and the method.',
    labels: ['reason'],
    values: { reason: ['Unauthenticated', 'Denied'] },
  },
  loadline_access_reloads_total: {
    kind: 'counter',
    help: 'Changes of the access policy that were seen, by outcome: `accepted`, or `refused` (the one before stays in force).',
    labels: ['outcome'],
    values: { outcome: ['accepted', 'refused'] },
  },
  loadline_policy_reloads_total: {
    kind: 'counter',
    help: 'Times that policy files were read, by result: `accepted`, `refused`, or `unchanged` when the meaning is the same.',
    labels: ['result'],
    values: { result: ['accepted', 'refused', 'unchanged'] },
  },
  loadline_policy_info: {
    kind: 'gauge',
    help: 'The policy revision that is in force, as a label; the value is 1.',
    labels: ['revision'],
  },
  loadline_policy_problems: {
    kind: 'gauge',
    help: 'Problems of the newest policy files. Above 0 they are refused, and the last good policy stays in force.',
    labels: [],
  },
  loadline_rollouts_total: {
    kind: 'counter',
    help: 'Changes that were tried on canaries and are over, by cause (`Policy`, or `Release`: a Loadline that compiles other bytes) and outcome: `passed`, `returned` (the log says why), `superseded` (by another change).',
    labels: ['cause', 'outcome'],
    values: { cause: ['Policy', 'Release'], outcome: ['passed', 'returned', 'superseded'] },
  },
  loadline_rollout_canaries: {
    kind: 'gauge',
    help: 'Sidecars that try a change now, by group; no series while nothing is tried.',
    labels: ['group'],
  },
  loadline_event_loop_lag_seconds: {
    kind: 'gauge',
    help: 'How late timers of the process fired since the last scrape, by statistic: `p50`, `p99`, `max`. High means short of CPU.',
    labels: ['stat'],
  },
  loadline_build_info: {
    kind: 'gauge',
    help: 'The version of Loadline that runs, as a label; the value is 1.',
    labels: ['version'],
  },
};
