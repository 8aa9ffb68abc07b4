import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ShiftCause } from '../../core/control/index.ts';
import { OPERATION_KINDS } from '../../core/operations/index.ts';
import type { PromptResult } from '../../core/topology/index.ts';
import { EndpointSeries } from './endpoint-series.ts';
import type { EventLoopLagMeter } from './event-loop-lag.ts';
import { type Cell, HotCounter, HotHistogram, type Observer } from './hot-series.ts';
import { LabelLimit } from './label-limit.ts';
import { METRICS, type MetricDefinition, type MetricName } from './metric-catalogue.ts';
import type { EndpointView, ServerView } from './server-view.ts';

/** The part of the state that has series: sidecars have none, there may be thousands. */
export type MeteredView = Pick<ServerView, 'nowMs' | 'revision' | 'policy' | 'services' | 'operations' | 'tls'>;

export type RefusalReason = 'Busy' | 'Identity' | 'Limit' | 'Protocol';
export type PolicyLoadResult = 'accepted' | 'refused' | 'unchanged';
export type StreamKind = 'ads' | 'lrs';

/** The loop of one service: factor on its gain, and what its delay is made of. */
export type LoopSeries = {
  readonly service: string;
  readonly damping: number;
  readonly delaySec: Readonly<Record<'reports' | 'ack' | 'picks', number | undefined>>;
};

export type MetricsOptions = {
  readonly version: string;
  /** Read once per scrape, so that all series of one scrape are of one instant; undefined before there is one. */
  readonly view: () => MeteredView | undefined;
  readonly eventLoopLag: EventLoopLagMeter;
  /** Node's own `process_*` and `nodejs_*`; off in tests, because prom-client can start them but not stop them. */
  readonly processMetrics?: boolean;
  /** Most series about endpoints in one scrape. */
  readonly maxEndpointSeries?: number;
};

/** 10,000 series take 21–27 ms of the event loop; more would be felt in the tick. */
const MAX_ENDPOINT_SERIES = 10_000;

const MS_PER_SECOND = 1000;

/**
 * The only file that knows the metrics library. Callers say what happened; names, units and labels are ours. Times come
 * in as milliseconds and are exposed as seconds.
 */
export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #options: MetricsOptions;
  readonly #counters = new Map<MetricName, Counter>();
  readonly #gauges = new Map<MetricName, Gauge>();
  readonly #histograms = new Map<MetricName, HotHistogram>();
  readonly #endpoints: EndpointSeries;
  readonly #pushes: HotCounter;
  readonly #resourcesSent: HotCounter;
  readonly #tickDuration: Observer;
  /** What one delivery touches, by type; pushes also by group. */
  readonly #pushCells = new Map<string, Map<string, Cell>>();
  readonly #sentCells = new Map<string, Cell>();
  readonly #latencies = new Map<string, Observer>();
  readonly #groups = new LabelLimit();
  readonly #reasons = new LabelLimit();
  readonly #services = new LabelLimit();

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.contentType = this.#registry.contentType;
    for (const [name, definition] of Object.entries(METRICS) as [MetricName, MetricDefinition][]) {
      this.#register(name, definition);
    }
    this.#pushes = new HotCounter(this.#counter('loadline_xds_pushes_total'));
    this.#resourcesSent = new HotCounter(this.#counter('loadline_xds_resources_sent_total'));
    this.#tickDuration = this.#histogram('loadline_tick_duration_seconds').observer({});
    this.#endpoints = new EndpointSeries((name) => this.#gauge(name), options.maxEndpointSeries ?? MAX_ENDPOINT_SERIES);
    this.#gauge('loadline_build_info').set({ version: options.version }, 1);
    if (options.processMetrics ?? true) collectDefaultMetrics({ register: this.#registry });
  }

  /** A response went out to one node. */
  pushed(type: string, group: string, resources: number): void {
    (this.#pushCells.get(group)?.get(type) ?? this.#pushCell(type, group)).pending += 1;
    (this.#sentCells.get(type) ?? this.#sentCell(type)).pending += resources;
  }

  acked(type: string, latencyMs: number): void {
    (this.#latencies.get(type) ?? this.#latency(type))(latencyMs / MS_PER_SECOND);
  }

  nacked(type: string, latencyMs: number): void {
    this.#counter('loadline_xds_nacks_total').inc({ type });
    this.acked(type, latencyMs);
  }

  /** A call was turned away. */
  refused(reason: RefusalReason): void {
    this.#counter('loadline_xds_refused_total').inc({ reason });
  }

  /** A change was held back in vain. */
  gaveUp(type: string): void {
    this.#counter('loadline_xds_waits_given_up_total').inc({ type });
  }

  streams(kind: StreamKind, open: number): void {
    this.#gauge('loadline_xds_streams').set({ kind }, open);
  }

  loadReport(): void {
    this.#counter('loadline_load_reports_total').inc();
  }

  envoyAdminAsked(outcome: 'answered' | 'failed' | 'skipped'): void {
    this.#counter('loadline_envoy_admin_asks_total').inc({ outcome });
  }

  ticked(durationMs: number): void {
    this.#counter('loadline_ticks_total').inc();
    this.#tickDuration(durationMs / MS_PER_SECOND);
  }

  /** The target share of an endpoint moved and came to rest. Times are milliseconds; undefined where a stage was not reached. */
  shifted(shift: {
    readonly cause: ShiftCause;
    readonly decidedMs: number | undefined;
    readonly ackedMs: number | undefined;
    readonly t50Ms: number | undefined;
    readonly t90Ms: number | undefined;
    readonly beyondRatio: number;
  }): void {
    const { cause, decidedMs, ackedMs, t50Ms, t90Ms, beyondRatio } = shift;
    this.#counter('loadline_shifts_total').inc({ result: t90Ms === undefined ? 'NotFollowed' : 'Followed', cause });
    const stages = { decided: decidedMs, acked: ackedMs, half: t50Ms, most: t90Ms };
    for (const [stage, ms] of Object.entries(stages)) {
      if (ms !== undefined) this.#histogram('loadline_shift_seconds').observer({ stage, cause })(ms / MS_PER_SECOND);
    }
    this.#histogram('loadline_shift_beyond_ratio').observer({ cause })(beyondRatio);
  }

  /** The loop of every service after a tick; parts of its delay in seconds, undefined where not measured yet. */
  loops(loops: readonly LoopSeries[]): void {
    const [delay, damping] = [this.#gauge('loadline_loop_delay_seconds'), this.#gauge('loadline_loop_damping_ratio')];
    delay.reset();
    damping.reset();
    for (const { service, damping: ratio, delaySec } of loops) {
      damping.set({ service }, ratio);
      for (const [part, seconds] of Object.entries(delaySec))
        if (seconds !== undefined) delay.set({ service, part }, seconds);
    }
  }

  /** Weights and in-flight of a service were seen to chase each other. */
  herded(service: string): void {
    this.#counter('loadline_herds_total').inc({ service: this.#services.admit(service) });
  }

  /** One try to read a metric page; `reason` (a constant word) when it gave nothing usable. */
  scraped(kind: string, reason?: string): void {
    this.#counter('loadline_signal_scrapes_total').inc({ kind });
    if (reason === undefined) return;
    this.#counter('loadline_signal_errors_total').inc({ kind, reason: this.#reasons.admit(reason) });
  }

  /** A prompt that keeps a server warm, by what came of it. */
  prompted(result: PromptResult['kind']): void {
    this.#counter('loadline_prompts_total').inc({ result });
  }

  /** Values of one page that were not believed. */
  signalRefusals(count: number): void {
    this.#counter('loadline_signal_refusals_total').inc(count);
  }

  /** Agents that are connected. */
  pushStreams(open: number): void {
    this.#gauge('loadline_push_streams').set(open);
  }

  pushTaken(values: number): void {
    this.#counter('loadline_push_values_total').inc(values);
  }

  pushRefused(reason: string): void {
    this.#counter('loadline_push_refusals_total').inc({ reason });
  }

  pushLeaseOver(): void {
    this.#counter('loadline_push_leases_over_total').inc();
  }

  pushTookOver(): void {
    this.#counter('loadline_push_takeovers_total').inc();
  }

  tlsReloaded(result: 'accepted' | 'refused'): void {
    this.#counter('loadline_tls_reloads_total').inc({ result });
  }

  /** A client was not let in. */
  handshakeFailed(listener: 'xds' | 'admin', reason: string): void {
    this.#counter('loadline_tls_handshake_failures_total').inc({ listener, reason });
  }

  adminRefused(reason: 'Unauthenticated' | 'Denied'): void {
    this.#counter('loadline_admin_refused_total').inc({ reason });
  }

  accessLoaded(outcome: 'accepted' | 'refused'): void {
    this.#counter('loadline_access_reloads_total').inc({ outcome });
  }

  rolloutEnded(cause: 'Policy' | 'Release', outcome: 'passed' | 'returned' | 'superseded'): void {
    this.#counter('loadline_rollouts_total').inc({ cause, outcome });
  }

  /** Canaries by group; empty while nothing is tried. */
  rolloutCanaries(byGroup: ReadonlyMap<string, number>): void {
    const gauge = this.#gauge('loadline_rollout_canaries');
    gauge.reset();
    for (const [group, canaries] of byGroup) gauge.set({ group: this.#groups.admit(group) }, canaries);
  }

  policyLoaded(result: PolicyLoadResult): void {
    this.#counter('loadline_policy_reloads_total').inc({ result });
  }

  /** @returns the page of `/metrics`. */
  async text(): Promise<string> {
    this.#pushes.flush();
    this.#resourcesSent.flush();
    const lag = this.#options.eventLoopLag.read();
    const lagGauge = this.#gauge('loadline_event_loop_lag_seconds');
    lagGauge.set({ stat: 'p50' }, lag.p50Ms / MS_PER_SECOND);
    lagGauge.set({ stat: 'p99' }, lag.p99Ms / MS_PER_SECOND);
    lagGauge.set({ stat: 'max' }, lag.maxMs / MS_PER_SECOND);
    const view = this.#options.view();
    if (view !== undefined) this.#readView(view);
    return this.#registry.metrics();
  }

  #readView(view: MeteredView): void {
    const info = this.#gauge('loadline_policy_info');
    info.reset();
    if (view.revision !== '') info.set({ revision: view.revision }, 1);
    this.#gauge('loadline_policy_problems').set(view.policy.problems.length);
    const age = this.#gauge('loadline_decision_age_seconds');
    age.reset();
    for (const service of view.services) {
      if (service.decidedAtMs === null) continue;
      age.set({ service: service.name }, Math.max(0, view.nowMs - service.decidedAtMs) / MS_PER_SECOND);
    }
    const expiry = this.#gauge('loadline_tls_certificate_expiration_timestamp_seconds');
    expiry.reset();
    for (const { role: certificate, expiresAtMs } of view.tls?.certificates ?? [])
      expiry.set({ certificate }, expiresAtMs / MS_PER_SECOND);
    const operations = this.#gauge('loadline_operations');
    for (const kind of OPERATION_KINDS)
      operations.set({ kind }, view.operations.filter((one) => one.kind === kind).length);
    this.#setOverload(view);
    this.#setFailover(view);
    this.#setWarmth(view);
    this.#setZones(view);
    this.#endpoints.set(view);
    this.#setSignals(view);
  }

  /** Of a service whose saturation is unknown there is none: 0 would look idle to whoever scales by it. */
  #setOverload({ services }: MeteredView): void {
    const [saturation, level] = [this.#gauge('loadline_saturation'), this.#gauge('loadline_overload_level')];
    const [shed, degraded] = [this.#gauge('loadline_shed_ratio'), this.#gauge('loadline_degraded_ratio')];
    const reserve = this.#gauge('loadline_saturation_without_spot');
    for (const gauge of [saturation, level, shed, degraded, reserve]) gauge.reset();
    for (const { name: service, overload } of services) {
      if (overload === null) continue;
      if (overload.saturation !== null) saturation.set({ service }, overload.saturation);
      const without = overload.withoutSpot?.saturation ?? null;
      if (without !== null) reserve.set({ service }, without);
      if (overload.levels > 0) level.set({ service }, overload.level);
      for (const one of overload.sheds) shed.set({ service, class: one.class }, one.percent / 100);
      for (const { class: name, pool, percent } of overload.degrades)
        degraded.set({ service, class: name, pool }, percent / 100);
    }
  }

  #setFailover({ services }: MeteredView): void {
    const [ratio, firstToken] = [this.#gauge('loadline_failover_ratio'), this.#gauge('loadline_first_token_seconds')];
    for (const gauge of [ratio, firstToken]) gauge.reset();
    for (const { name: service, failover } of services) {
      if (failover === null) continue;
      ratio.set({ service }, failover.percent / 100);
      for (const [i, { firstTokenP95Sec }] of failover.tiers.entries())
        if (firstTokenP95Sec !== null)
          firstToken.set({ service, tier: String(i + 1), quantile: '0.95' }, firstTokenP95Sec);
    }
  }

  #setWarmth({ services }: MeteredView): void {
    const endpoints = this.#gauge('loadline_warm_endpoints');
    endpoints.reset();
    for (const { name: service, pools } of services) {
      for (const { name: pool, warmth } of pools) {
        if (warmth === null) continue;
        endpoints.set({ service, pool, state: 'Warm' }, warmth.warm);
        endpoints.set({ service, pool, state: 'Cold' }, warmth.cold);
        endpoints.set({ service, pool, state: 'Unknown' }, warmth.unknown);
      }
    }
  }

  #setZones({ services }: MeteredView): void {
    const [local, demand] = [this.#gauge('loadline_zone_local_ratio'), this.#gauge('loadline_zone_demand_ratio')];
    const capacity = this.#gauge('loadline_zone_capacity_ratio');
    for (const gauge of [local, demand, capacity]) gauge.reset();
    for (const { name: service, zones } of services) {
      if (zones === null) continue;
      local.set({ service, kind: 'planned' }, zones.plannedLocalRatio);
      if (zones.measuredLocalRatio !== null) local.set({ service, kind: 'measured' }, zones.measuredLocalRatio);
      for (const { zone, demandRatio, capacityRatio } of zones.zones) {
        demand.set({ service, zone }, demandRatio);
        capacity.set({ service, zone }, capacityRatio);
      }
    }
  }

  /** Sums over the endpoints of a service: which one it is stands in `loadline status`. */
  #setSignals({ services }: MeteredView): void {
    const [drained, signals] = [this.#gauge('loadline_endpoints_drained'), this.#gauge('loadline_endpoint_signals')];
    drained.reset();
    signals.reset();
    for (const { name: service, pools } of services) {
      for (const reason of ['GpuFault', 'Left', 'Asked']) drained.set({ service, reason }, 0);
      for (const { state, gpuFault, leavingSinceMs, signalStates } of pools.flatMap(({ endpoints }) => endpoints)) {
        if (state === 'Draining') drained.inc({ service, reason: drainedFor({ gpuFault, leavingSinceMs }) });
        for (const [signal, made] of Object.entries(signalStates)) signals.inc({ service, signal, state: made });
      }
    }
  }

  /** What needs no event to be known starts at 0, so that a rate exists from the first event on. */
  #register(name: MetricName, { kind, help, labels, buckets, values }: MetricDefinition): void {
    const common = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (kind === 'gauge') this.#gauges.set(name, new Gauge(common));
    else if (kind === 'histogram') {
      const histogram = new HotHistogram({ name, help, buckets: buckets ?? [] });
      histogram.register(this.#registry);
      this.#histograms.set(name, histogram);
    } else {
      const counter = new Counter(common);
      this.#counters.set(name, counter);
      if (values !== undefined) for (const one of combinations(labels, values)) counter.inc(one, 0);
    }
  }

  #counter(name: MetricName): Counter {
    return this.#counters.get(name) as Counter;
  }

  #gauge(name: MetricName): Gauge {
    return this.#gauges.get(name) as Gauge;
  }

  #histogram(name: MetricName): HotHistogram {
    return this.#histograms.get(name) as HotHistogram;
  }

  #pushCell(type: string, group: string): Cell {
    const label = this.#groups.admit(group);
    let ofGroup = this.#pushCells.get(label);
    if (ofGroup === undefined) {
      ofGroup = new Map();
      this.#pushCells.set(label, ofGroup);
    }
    let cell = ofGroup.get(type);
    if (cell === undefined) {
      cell = this.#pushes.cell({ type, group: label });
      ofGroup.set(type, cell);
    }
    return cell;
  }

  #sentCell(type: string): Cell {
    const cell = this.#resourcesSent.cell({ type });
    this.#sentCells.set(type, cell);
    return cell;
  }

  #latency(type: string): Observer {
    const observer = this.#histogram('loadline_xds_ack_latency_seconds').observer({ type });
    this.#latencies.set(type, observer);
    return observer;
  }
}

function combinations(
  labels: readonly string[],
  values: Readonly<Record<string, readonly string[]>>,
): readonly Readonly<Record<string, string>>[] {
  return labels.reduce<readonly Readonly<Record<string, string>>[]>(
    (all, label) => all.flatMap((one) => (values[label] ?? []).map((value) => ({ ...one, [label]: value }))),
    [{}],
  );
}

function drainedFor({ gpuFault, leavingSinceMs }: Pick<EndpointView, 'gpuFault' | 'leavingSinceMs'>): string {
  if (leavingSinceMs !== null) return 'Left';
  return gpuFault === null ? 'Asked' : 'GpuFault';
}
