import { formatDuration } from '../../../src/base/units/index.ts';
import type { ModelService, Policy, Pool, SidecarGroup, Signals } from '../../../src/core/policy/index.ts';

type Written = Record<string, unknown>;

/** A normalised policy written back in the language, nothing left to a default: the inverse of loading. */
export function printPolicy(policy: Policy): readonly Written[] {
  return [...policy.groups.map(printGroup), ...policy.services.map(printService)];
}

function document(kind: string, name: string, spec: Written): Written {
  return { apiVersion: 'loadline.dev/v1alpha1', kind, metadata: { name }, spec };
}

function printGroup(group: SidecarGroup): Written {
  const listeners = group.listeners.map(({ origin: _origin, ...rest }) => rest);
  const identities = group.identities.length === 0 ? {} : { identities: group.identities };
  return document('SidecarGroup', group.name, { listeners, modelServices: group.modelServices, ...identities });
}

function printService(service: ModelService): Written {
  const { timeouts, loadBalancer, outlierDetection, retry } = service;
  const { warmupMs, ...balancing } = loadBalancer;
  const { intervalMs, baseEjectionTimeMs, maxEjectionPercent, ...outliers } = outlierDetection;
  return document('ModelService', service.name, {
    hostnames: service.hostnames,
    match: service.match,
    upstream: service.upstream,
    timeouts: {
      connect: formatDuration(timeouts.connectMs),
      responseHeaders: formatDuration(timeouts.responseHeadersMs),
      perTryIdle: formatDuration(timeouts.perTryIdleMs),
      streamIdle: formatDuration(timeouts.streamIdleMs),
      request: formatDuration(timeouts.requestMs),
    },
    pools: service.pools.map(printPool),
    loadBalancer: { ...balancing, warmup: formatDuration(warmupMs) },
    outlierDetection: {
      ...outliers,
      interval: formatDuration(intervalMs),
      baseEjectionTime: formatDuration(baseEjectionTimeMs),
      maxEjectionPercent: `${maxEjectionPercent}%`,
    },
    retry: {
      numRetries: retry.numRetries,
      retryOn: retry.retryOn,
      retriableStatusCodes: retry.retriableStatusCodes,
      backOff: {
        baseInterval: formatDuration(retry.backOff.baseIntervalMs),
        maxInterval: formatDuration(retry.backOff.maxIntervalMs),
      },
      retryAfter: { maxInterval: formatDuration(retry.retryAfter.maxIntervalMs) },
      budget: { ...retry.budget, percent: `${retry.budget.percent}%` },
    },
    circuitBreakers: service.circuitBreakers,
    rateLimits: service.rateLimits.map(({ origin: _origin, ratePerSec, maxKeys, ...rest }) => ({
      ...rest,
      rate: printRate(ratePerSec),
      ...(rest.key === undefined ? {} : { maxKeys }),
    })),
  });
}

function printPool({ origin: _origin, endpoints, signals, keepWarm, ...same }: Pool): Written {
  const rest = { ...same, ...(keepWarm === undefined ? {} : { keepWarm: printKeepWarm(keepWarm) }) };
  if (endpoints.kind !== 'Static') {
    const { kind, ...source } = endpoints;
    return { ...rest, signals: printSignals(signals), endpoints: { [kind.toLowerCase()]: source } };
  }
  return { ...rest, signals: printSignals(signals), endpoints: { static: endpoints.endpoints } };
}

function printKeepWarm({ intervalMs, timeoutMs, slowAboveMs, ...rest }: NonNullable<Pool['keepWarm']>): Written {
  const slow = slowAboveMs === undefined ? {} : { slowAbove: formatDuration(slowAboveMs) };
  return { ...rest, interval: formatDuration(intervalMs), timeout: formatDuration(timeoutMs), ...slow };
}

function printSignals({ engine, gpu, push }: Signals): Written {
  const written: Written = {};
  if (engine !== undefined) {
    const { intervalMs, source, ...rest } = engine;
    written.engine = { ...rest, ...printEngineSource(source), interval: formatDuration(intervalMs) };
  }
  if (gpu !== undefined) {
    const { kind, ...source } = printSource(gpu.source);
    const interval = formatDuration(gpu.intervalMs);
    written.gpu = { [kind.toLowerCase()]: source, interval, joinBy: gpu.joinBy };
  }
  if (push !== undefined) written.push = { lease: formatDuration(push.leaseMs) };
  return written;
}

function printEngineSource(source: NonNullable<Signals['engine']>['source']): Written {
  switch (source.kind) {
    case 'Endpoint': {
      const { kind: _kind, ...place } = source;
      return place;
    }
    case 'Prometheus': {
      const { kind: _kind, url, ...port } = source;
      return { prometheus: { url }, ...port };
    }
    case 'File': {
      const { kind: _kind, ...file } = printSource(source);
      return { file };
    }
  }
}

function printSource(source: NonNullable<Signals['gpu']>['source']): Written & { readonly kind: string } {
  if (source.kind !== 'File') return source;
  return { kind: 'File', path: source.path, maxAge: formatDuration(source.maxAgeMs) };
}

/** In the unit in which it is a whole number: 10/h is no finite decimal per second. */
function printRate(perSec: number): string {
  for (const [unit, seconds] of [
    ['s', 1],
    ['m', 60],
    ['h', 3600],
  ] as const) {
    const whole = Math.round(perSec * seconds);
    if (whole / seconds === perSec) return `${whole}/${unit}`;
  }
  return `${perSec}/s`;
}
