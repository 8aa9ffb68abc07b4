import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { EndpointSeries } from './endpoint-series.ts';
import type { EventLoopLagMeter } from './event-loop-lag.ts';
import { LabelLimit } from './label-limit.ts';
import { METRICS, type MetricDefinition, type MetricName } from './metric-catalogue.ts';
import type { ServerView } from './server-view.ts';

export type PolicyLoadResult = 'accepted' | 'refused' | 'unchanged';
export type StreamKind = 'ads' | 'lrs';

export type MetricsOptions = {
  readonly version: string;
  /** Read once per scrape, so that all series of one scrape are of one instant; undefined before there is one. */
  readonly view: () => ServerView | undefined;
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
  readonly #histograms = new Map<MetricName, Histogram>();
  readonly #endpoints: EndpointSeries;
  readonly #groups = new LabelLimit();
  readonly #reasons = new LabelLimit();

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.contentType = this.#registry.contentType;
    for (const [name, definition] of Object.entries(METRICS) as [MetricName, MetricDefinition][]) {
      this.#register(name, definition);
    }
    this.#endpoints = new EndpointSeries((name) => this.#gauge(name), options.maxEndpointSeries ?? MAX_ENDPOINT_SERIES);
    this.#gauge('loadline_build_info').set({ version: options.version }, 1);
    if (options.processMetrics ?? true) collectDefaultMetrics({ register: this.#registry });
  }

  /** A response went out to one node. */
  pushed(type: string, group: string, resources: number): void {
    this.#counter('loadline_xds_pushes_total').inc({ type, group: this.#groups.admit(group) });
    this.#counter('loadline_xds_resources_sent_total').inc({ type }, resources);
  }

  acked(type: string, latencyMs: number): void {
    this.#histogram('loadline_xds_ack_latency_seconds').observe({ type }, latencyMs / MS_PER_SECOND);
  }

  nacked(type: string, latencyMs: number): void {
    this.#counter('loadline_xds_nacks_total').inc({ type });
    this.acked(type, latencyMs);
  }

  streams(kind: StreamKind, open: number): void {
    this.#gauge('loadline_xds_streams').set({ kind }, open);
  }

  loadReport(): void {
    this.#counter('loadline_load_reports_total').inc();
  }

  ticked(durationMs: number): void {
    this.#counter('loadline_ticks_total').inc();
    this.#histogram('loadline_tick_duration_seconds').observe(durationMs / MS_PER_SECOND);
  }

  /** One try to read a metric page; `reason` (a constant word) when it gave nothing usable. */
  scraped(kind: string, reason?: string): void {
    this.#counter('loadline_signal_scrapes_total').inc({ kind });
    if (reason === undefined) return;
    this.#counter('loadline_signal_errors_total').inc({ kind, reason: this.#reasons.admit(reason) });
  }

  /** Values of one page that were not believed. */
  signalRefusals(count: number): void {
    this.#counter('loadline_signal_refusals_total').inc(count);
  }

  policyLoaded(result: PolicyLoadResult): void {
    this.#counter('loadline_policy_reloads_total').inc({ result });
  }

  /** @returns the page of `/metrics`. */
  async text(): Promise<string> {
    const lag = this.#options.eventLoopLag.read();
    const lagGauge = this.#gauge('loadline_event_loop_lag_seconds');
    lagGauge.set({ stat: 'p50' }, lag.p50Ms / MS_PER_SECOND);
    lagGauge.set({ stat: 'p99' }, lag.p99Ms / MS_PER_SECOND);
    lagGauge.set({ stat: 'max' }, lag.maxMs / MS_PER_SECOND);
    const view = this.#options.view();
    if (view !== undefined) this.#readView(view);
    return this.#registry.metrics();
  }

  #readView(view: ServerView): void {
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
    this.#endpoints.set(view);
  }

  /** Counters and gauges without labels start at 0, so that a rate exists from the first event on. */
  #register(name: MetricName, { kind, help, labels, buckets }: MetricDefinition): void {
    const common = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (kind === 'counter') this.#counters.set(name, new Counter(common));
    else if (kind === 'gauge') this.#gauges.set(name, new Gauge(common));
    else this.#histograms.set(name, new Histogram({ ...common, buckets: [...(buckets ?? [])] }));
  }

  #counter(name: MetricName): Counter {
    return this.#counters.get(name) as Counter;
  }

  #gauge(name: MetricName): Gauge {
    return this.#gauges.get(name) as Gauge;
  }

  #histogram(name: MetricName): Histogram {
    return this.#histograms.get(name) as Histogram;
  }
}
