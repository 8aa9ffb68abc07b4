import type { ModelService, Policy, Pool } from '../../../src/core/policy/index.ts';

const origin = { file: 'test.yaml', line: 1, column: 1 };

export function poolOf(name: string, rest: Partial<Pool> = {}): Pool {
  return {
    name,
    origin,
    capacityType: 'Reserved',
    endpoints: { kind: 'Static', endpoints: [] },
    signals: {},
    ...rest,
  };
}

/** A policy of one service; of what these rooms do not read, any valid value. */
export function policyOf(name: string, pools: readonly Pool[]): Policy {
  const service: ModelService = {
    name,
    origin,
    hostnames: ['*'],
    match: { pathPrefix: '/' },
    upstream: { protocol: 'Http1' },
    timeouts: { connectMs: 2000, responseHeadersMs: 0, perTryIdleMs: 0, streamIdleMs: 0, requestMs: 0 },
    pools,
    loadBalancer: { type: 'LeastRequest', weights: 'Active', blendRatio: 1, maxWeightRatio: 8, warmupMs: 30_000 },
    outlierDetection: {
      consecutiveGatewayFailure: 5,
      consecutiveLocalOriginFailure: 3,
      intervalMs: 1000,
      baseEjectionTimeMs: 10_000,
      maxEjectionPercent: 50,
      alwaysEjectOneHost: true,
    },
    retry: {
      numRetries: 2,
      retryOn: ['connect-failure'],
      retriableStatusCodes: [],
      backOff: { baseIntervalMs: 25, maxIntervalMs: 250 },
      retryAfter: { maxIntervalMs: 1000 },
      budget: { percent: 20, minRetryConcurrency: 3 },
    },
    circuitBreakers: { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024 },
    rateLimits: [],
  };
  return { revision: 'test', groups: [], services: [service], trafficClasses: [] };
}
