import type { Gauge } from 'prom-client';
import type { MetricName } from './metric-catalogue.ts';
import type { EndpointView, ServerView } from './server-view.ts';

/** Gauges with one series per endpoint, and where their value stands in the view; null leaves the series out. */
const READ: readonly (readonly [MetricName, (endpoint: EndpointView) => number | null])[] = [
  ['loadline_endpoint_weight', (endpoint) => endpoint.weight],
  ['loadline_endpoint_share', (endpoint) => endpoint.share],
  ['loadline_endpoint_issued_share', (endpoint) => endpoint.issuedShare],
  ['loadline_endpoint_in_flight', (endpoint) => endpoint.inFlight],
  ['loadline_endpoint_pressure', (endpoint) => endpoint.pressure],
];

const MS_PER_SECOND = 1000;

/**
 * The series about endpoints, written anew from one view at each scrape: an endpoint that left leaves no series behind,
 * and no tick pays for a scrape that never comes. An endpoint has all of its series or none.
 */
export class EndpointSeries {
  readonly #gauges: readonly (readonly [Gauge, (endpoint: EndpointView) => number | null])[];
  readonly #age: Gauge;
  readonly #omitted: Gauge;
  readonly #max: number;

  constructor(gauge: (name: MetricName) => Gauge, max: number) {
    this.#gauges = READ.map(([name, read]) => [gauge(name), read] as const);
    this.#age = gauge('loadline_sample_age_seconds');
    this.#omitted = gauge('loadline_endpoints_without_series');
    this.#max = max;
  }

  set(view: Pick<ServerView, 'services'>): void {
    for (const [gauge] of this.#gauges) gauge.reset();
    this.#age.reset();
    let left = this.#max;
    let omitted = 0;
    for (const service of view.services) {
      for (const pool of service.pools) {
        for (const endpoint of pool.endpoints) {
          const cost = this.#gauges.length + 1 + Object.keys(endpoint.signalAgesMs).length;
          if (cost > left) {
            omitted += 1;
            continue;
          }
          left -= cost;
          this.#setOne({ service: service.name, pool: pool.name, endpoint: nameOf(endpoint) }, endpoint);
        }
      }
    }
    this.#omitted.set(omitted);
  }

  #setOne(labels: Readonly<Record<string, string>>, endpoint: EndpointView): void {
    for (const [gauge, read] of this.#gauges) {
      const value = read(endpoint);
      if (value !== null) gauge.set(labels, value);
    }
    if (endpoint.ageMs !== null) this.#age.set({ ...labels, kind: 'newest' }, endpoint.ageMs / MS_PER_SECOND);
    for (const [kind, ageMs] of Object.entries(endpoint.signalAgesMs)) {
      if (Number.isFinite(ageMs)) this.#age.set({ ...labels, kind }, ageMs / MS_PER_SECOND);
    }
  }
}

function nameOf(endpoint: EndpointView): string {
  return endpoint.address.includes(':')
    ? `[${endpoint.address}]:${endpoint.port}`
    : `${endpoint.address}:${endpoint.port}`;
}
