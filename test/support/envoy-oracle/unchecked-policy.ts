import type { ModelService, Policy, SidecarGroup } from '../../../src/core/policy/index.ts';
import type { Documents, Named, Spec } from './mutations.ts';

/** A value that says nothing that could be sent: text where a number is due, a unit that there is not. */
export class NotExpressible extends Error {}

const origin = { file: 'unchecked', line: 1, column: 1 };

/**
 * The dumb twin of the loader: what the documents say, with the defaults of the language and without a single check, so that
 * Envoy can be asked about what we refuse. For what we accept it must say the same as the loader.
 */
export function uncheckedPolicy({ group, services }: Documents): Policy {
  const made = services.map(service);
  return {
    revision: 'unchecked',
    groups: [sidecarGroup(group)],
    services: made.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    trafficClasses: [],
  };
}

function sidecarGroup(spec: Spec): SidecarGroup {
  return {
    name: text(spec.name),
    origin,
    identities: [],
    listeners: list(spec.listeners).map((one) => {
      const { name, address, port } = mapping(one);
      return { name: text(name), address: spelling(text(address)), port: number(port), origin };
    }),
    modelServices: list(spec.modelServices).map(text),
  };
}

function service({ name, spec }: Named): ModelService {
  const timeouts = mapping(spec.timeouts);
  const detection = mapping(spec.outlierDetection);
  const breakers = mapping(spec.circuitBreakers);
  const balancer = mapping(spec.loadBalancer);
  const { orca } = mapping(spec.signals);
  return {
    name: text(name),
    origin,
    hostnames: list(spec.hostnames).map(text),
    match: { pathPrefix: text(or(mapping(spec.match).pathPrefix, '/')) },
    upstream: { protocol: oneOf(or(mapping(spec.upstream).protocol, 'Http1'), ['Http1', 'Http2']) },
    timeouts: {
      connectMs: ms(or(timeouts.connect, '2s')),
      responseHeadersMs: ms(or(timeouts.responseHeaders, '10m')),
      perTryIdleMs: ms(or(timeouts.perTryIdle, '2m')),
      streamIdleMs: ms(or(timeouts.streamIdle, '5m')),
      requestMs: ms(or(timeouts.request, '0s')),
    },
    pools: list(spec.pools).map((one) => {
      const pool = mapping(one);
      return {
        name: text(pool.name),
        origin,
        capacityType: 'OnDemand',
        endpoints: { kind: 'Static', endpoints: list(mapping(pool.endpoints).static).map(endpoint) },
        signals: {},
      };
    }),
    loadBalancer: {
      type: oneOf(or(balancer.type, 'LeastRequest'), ['LeastRequest', 'RoundRobin']),
      weights: 'Active',
      blendRatio: 1,
      maxWeightRatio: 20,
      warmupMs: 30_000,
    },
    outlierDetection: {
      consecutiveGatewayFailure: number(or(detection.consecutiveGatewayFailure, 3)),
      consecutiveLocalOriginFailure: number(or(detection.consecutiveLocalOriginFailure, 3)),
      intervalMs: ms(or(detection.interval, '5s')),
      baseEjectionTimeMs: ms(or(detection.baseEjectionTime, '30s')),
      maxEjectionPercent: percent(or(detection.maxEjectionPercent, '50%')),
      alwaysEjectOneHost: flag(or(detection.alwaysEjectOneHost, true)),
    },
    retry: retry(mapping(spec.retry)),
    circuitBreakers: {
      maxConnections: number(or(breakers.maxConnections, 512)),
      maxPendingRequests: number(or(breakers.maxPendingRequests, 256)),
      maxRequests: number(or(breakers.maxRequests, 512)),
    },
    rateLimits: list(or(spec.rateLimits, [])).map((one) => {
      const { name: called, key, rate: written, burst, scope, maxKeys } = mapping(one);
      return {
        name: text(called),
        origin,
        ratePerSec: rate(written),
        burst: number(burst),
        scope: oneOf(or(scope, 'Sidecar'), ['Sidecar', 'Group']),
        maxKeys: maxKeys === undefined ? (key === undefined ? 1 : 1000) : number(maxKeys),
        ...(key === undefined ? {} : { key: { header: text(mapping(key).header) } }),
      };
    }),
    ...(orca === undefined
      ? {}
      : { orca: { requestFormat: oneOf(or(mapping(orca).requestFormat, 'Json'), ['Json', 'Text', 'None']) } }),
  };
}

function endpoint(one: unknown): { address: string; port: number; capacity: number; zone?: string } {
  const { address, port, capacity, zone } = mapping(one);
  return {
    address: spelling(text(address)),
    port: number(port),
    capacity: number(or(capacity, 1)),
    ...(zone === undefined ? {} : { zone: text(zone) }),
  };
}

function retry(spec: Spec): ModelService['retry'] {
  const backOff = mapping(spec.backOff);
  const budget = mapping(spec.budget);
  const baseIntervalMs = ms(or(backOff.baseInterval, '25ms'));
  const byStatus = 'retriable-status-codes';
  const retryOn =
    spec.retryOn === undefined
      ? ['connect-failure', 'refused-stream', 'reset-before-request', byStatus]
      : list(spec.retryOn).map(text);
  return {
    numRetries: number(or(spec.numRetries, 2)),
    retryOn,
    retriableStatusCodes: list(or(spec.retriableStatusCodes, retryOn.includes(byStatus) ? [429, 503] : [])).map(number),
    backOff: {
      baseIntervalMs,
      maxIntervalMs: backOff.maxInterval === undefined ? 10 * baseIntervalMs : ms(backOff.maxInterval),
    },
    retryAfter: { maxIntervalMs: ms(or(mapping(spec.retryAfter).maxInterval, '30s')) },
    budget: {
      percent: percent(or(budget.percent, '5%')),
      minRetryConcurrency: number(or(budget.minRetryConcurrency, 3)),
    },
  };
}

/** `null` is a value that was written, and says nothing. */
function or(value: unknown, byDefault: unknown): unknown {
  return value === undefined ? byDefault : value;
}

function mapping(value: unknown): Spec {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new NotExpressible('no mapping');
  return value as Spec;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new NotExpressible('no list');
  return value;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new NotExpressible('no text');
  return value;
}

function number(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new NotExpressible('no number');
  return value;
}

function flag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new NotExpressible('no boolean');
  return value;
}

function oneOf<T extends string>(value: unknown, known: readonly T[]): T {
  if (!known.includes(value as T)) throw new NotExpressible('a word that stands for nothing in Envoy');
  return value as T;
}

function ms(value: unknown): number {
  const match = /^(-?\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text(value));
  if (match === null) throw new NotExpressible('no duration');
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as 'ms'];
  const duration = Number(match[1]) * unit;
  // What is sent is in whole milliseconds.
  if (!Number.isInteger(duration)) throw new NotExpressible('a part of a millisecond');
  return duration;
}

function percent(value: unknown): number {
  const match = /^(-?\d+(?:\.\d+)?)%$/.exec(text(value));
  if (match === null) throw new NotExpressible('no percentage');
  return Number(match[1]);
}

function rate(value: unknown): number {
  const match = /^(-?\d+(?:\.\d+)?)\/(s|m|h|d)$/.exec(text(value));
  if (match === null) throw new NotExpressible('no rate');
  return Number(match[1]) / { s: 1, m: 60, h: 3600, d: 86_400 }[match[2] as 's'];
}

/** As the loader spells what it takes; anything else goes to Envoy as it is. */
function spelling(address: string): string {
  if (!address.includes(':') || !URL.canParse(`http://[${address}]/`)) return address;
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}
