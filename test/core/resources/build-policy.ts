import type { Plan } from '../../../src/core/control/index.ts';
import type { ModelService, Policy, RateLimit, SidecarGroup } from '../../../src/core/policy/index.ts';
import { type Endpoint, endpointId } from '../../../src/core/topology/index.ts';
import type { EndpointDecision } from '../../../src/core/weights/index.ts';

const origin = { file: 'policy.yaml', line: 1, column: 1 };

/** A model service with the defaults of the policy language; tests say only what they are about. */
export function aService(name: string, over: Partial<ModelService> = {}): ModelService {
  return {
    name,
    origin,
    hostnames: [name],
    match: { pathPrefix: '/' },
    upstream: { protocol: 'Http1' },
    timeouts: {
      connectMs: 2000,
      responseHeadersMs: 600_000,
      perTryIdleMs: 120_000,
      streamIdleMs: 300_000,
      requestMs: 0,
    },
    pools: [],
    loadBalancer: { type: 'LeastRequest', weights: 'Active', blendRatio: 1, maxWeightRatio: 20, warmupMs: 30_000 },
    outlierDetection: {
      consecutiveGatewayFailure: 3,
      consecutiveLocalOriginFailure: 3,
      intervalMs: 5000,
      baseEjectionTimeMs: 30_000,
      maxEjectionPercent: 50,
      alwaysEjectOneHost: true,
    },
    retry: {
      numRetries: 2,
      retryOn: ['connect-failure', 'refused-stream', 'reset-before-request', 'retriable-status-codes'],
      retriableStatusCodes: [429, 503],
      backOff: { baseIntervalMs: 25, maxIntervalMs: 250 },
      retryAfter: { maxIntervalMs: 30_000 },
      budget: { percent: 5, minRetryConcurrency: 1 },
    },
    circuitBreakers: { maxConnections: 512, maxPendingRequests: 256, maxRequests: 512 },
    rateLimits: [],
    ...over,
  };
}

export function aLimit(name: string, over: Partial<RateLimit> = {}): RateLimit {
  return { name, origin, ratePerSec: 1, burst: 10, scope: 'Sidecar', maxKeys: 1, ...over };
}

export function aGroup(services: readonly ModelService[], over: Partial<SidecarGroup> = {}): SidecarGroup {
  return {
    name: 'lab',
    origin,
    identities: [],
    listeners: [{ name: 'models', address: '127.0.0.1', port: 15001, origin }],
    modelServices: services.map(({ name }) => name),
    ...over,
  };
}

export function aPolicy(services: readonly ModelService[], group: SidecarGroup = aGroup(services)): Policy {
  return { revision: 'r1', groups: [group], services, trafficClasses: [] };
}

export function anEndpoint(service: string, port: number, over: Partial<Endpoint> = {}): Endpoint {
  const address = over.address ?? '127.0.0.1';
  return {
    id: endpointId(service, 'gpu', address, port),
    service,
    pool: 'gpu',
    address,
    port,
    incarnation: '',
    capacity: 1,
    lifecycle: 'Active',
    ...over,
  };
}

/** A Plan with the given weights; endpoints without one get no decision. */
export function aPlan(
  policy: Policy,
  endpoints: Readonly<Record<string, readonly Endpoint[]>>,
  weights: Readonly<Record<string, number>> = {},
  sidecars: readonly string[] = [],
): Plan {
  return {
    policyRevision: policy.revision,
    sequence: 1,
    policy,
    endpoints,
    decisions: Object.fromEntries(
      Object.entries(endpoints).map(([service, members]) => [
        service,
        {
          service,
          outcome: 'Pushed' as const,
          atMs: 0,
          decidedAtMs: 0,
          equal: false,
          endpoints: members.flatMap(({ id }) => (weights[id] === undefined ? [] : [aDecision(id, weights[id])])),
        },
      ]),
    ),
    sidecars: { lab: sidecars },
  };
}

function aDecision(id: string, weight: number): EndpointDecision {
  const terms = { capacity: 0, speed: 0, inFlight: 0, foreign: 0, health: 0, ramp: 0, feedForward: 0 };
  return { id, weight, previousWeight: weight, share: 0, health: 'Healthy', terms, clamps: [] };
}
