import { formatDuration } from '../../../base/units/index.ts';
import type {
  ClassSettings,
  HealthCheck,
  KeepWarm,
  ModelService,
  Overload,
  OverloadAction,
  Pool,
  PoolEndpoints,
  RateLimit,
  RolloutStrategy,
  SidecarGroup,
  Signals,
  Split,
  TrafficClass,
  TrafficClasses,
} from '../policy.ts';
import { valueAt } from '../text/path.ts';
import type { PolicyDocument } from '../text/policy-document.ts';

/** Keys and values of a `spec` as one writes them, with every default written out. */
export type Written = Readonly<Record<string, unknown>>;

/**
 * What a document of the policy means, in the language's own words. A diff of these is a diff of meanings in words that people
 * know; a diff of the texts would show defaults and spellings, one of the normal form millisecond fields.
 *
 * Keys that are accepted and not enforced are no part of the normal form: they are taken as they stand in the text.
 */
export function writtenGroup(group: SidecarGroup, document: PolicyDocument): Written {
  const { name: _name, origin: _origin, listeners, rollout, ...rest } = group;
  return {
    ...asWritten(document),
    ...rest,
    listeners: listeners.map(({ origin: _place, ...listener }) => listener),
    ...(rollout === undefined ? {} : { rollout: writtenRollout(rollout) }),
  };
}

function writtenRollout({ canaryPercent, holdMs, nodes, ...rest }: RolloutStrategy): Written {
  return {
    ...rest,
    canary: `${canaryPercent}%`,
    hold: formatDuration(holdMs),
    ...(nodes.length === 0 ? {} : { nodes }),
  };
}

export function writtenClasses({ header, classes }: TrafficClasses): Written {
  return { header, classes: classes.map(writtenClass) };
}

function writtenClass({ name, reservePercent, shed, window }: TrafficClass): Written {
  return {
    name,
    reserve: `${reservePercent}%`,
    ...(shed === 'Default' ? {} : { shed }),
    ...(window === undefined
      ? {}
      : {
          window: {
            from: timeOfDay(window.fromMinute),
            to: timeOfDay(window.toMinute),
            timeZone: window.timeZone,
          },
        }),
  };
}

function timeOfDay(minute: number): string {
  const digits = (value: number): string => String(value).padStart(2, '0');
  return `${digits(Math.floor(minute / 60))}:${digits(minute % 60)}`;
}

export function writtenService(service: ModelService, document: PolicyDocument): Written {
  const {
    name: _name,
    origin: _origin,
    pools,
    orca,
    timeouts,
    split,
    mirror,
    overload,
    loadBalancer,
    outlierDetection,
    healthCheck,
    drain,
    retry,
    classes,
    ...rest
  } = service;
  const { warmupMs, ...balancer } = loadBalancer;
  const { intervalMs, baseEjectionTimeMs, maxEjectionPercent, ...detection } = outlierDetection;
  const shared = sharedSignals(pools, document);
  const { split: _split, overload: _overload, ...text } = asWritten(document);
  return {
    ...text,
    ...rest,
    timeouts: {
      connect: formatDuration(timeouts.connectMs),
      ...writtenTimeouts(timeouts),
    },
    signals: { ...writtenSignals(shared), ...(orca === undefined ? {} : { orca }) },
    pools: pools.map((pool, index) => writtenPool(pool, ownSignals(pool, index, document))),
    ...(split === undefined ? {} : { split: writtenSplit(split) }),
    ...(mirror === undefined ? {} : { mirror: { ...mirror, percent: `${mirror.percent}%` } }),
    ...(overload === undefined ? {} : { overload: writtenOverload(overload) }),
    loadBalancer: { ...balancer, warmup: formatDuration(warmupMs) },
    outlierDetection: {
      ...detection,
      interval: formatDuration(intervalMs),
      baseEjectionTime: formatDuration(baseEjectionTimeMs),
      maxEjectionPercent: `${maxEjectionPercent}%`,
    },
    ...(healthCheck === undefined ? {} : { healthCheck: writtenHealthCheck(healthCheck) }),
    ...(drain === undefined ? {} : { drain: { deadline: formatDuration(drain.deadlineMs) } }),
    retry: writtenRetry(retry),
    ...(classes === undefined ? {} : { classes: classes.map(writtenSettings) }),
    rateLimits: service.rateLimits.map(writtenLimit),
  };
}

/** `Adaptive` with tiers means the same as `Failover`. */
function writtenSplit(split: Split): Written {
  if (split.kind === 'Fixed') return { mode: 'Fixed', weights: split.weights };
  const { firstTokenP95AboveMs, returnAfterMs, ...rest } = split.failover;
  const slow = firstTokenP95AboveMs === undefined ? {} : { firstTokenP95Above: formatDuration(firstTokenP95AboveMs) };
  return {
    mode: 'Failover',
    tiers: split.tiers,
    failover: { ...rest, ...slow, returnAfter: formatDuration(returnAfterMs) },
  };
}

function writtenOverload({ enterAt, leaveAt, actions }: Overload): Written {
  return { enterAt, leaveAt, actions: actions.map(writtenAction) };
}

function writtenAction(action: OverloadAction): Written {
  const upTo = `${action.upToPercent}%`;
  return action.kind === 'Shed'
    ? { shed: { class: action.class, upTo } }
    : { degrade: { class: action.class, toPool: action.toPool, upTo } };
}

function writtenHealthCheck({ intervalMs, noTrafficIntervalMs, timeoutMs, ...rest }: HealthCheck): Written {
  return {
    ...rest,
    interval: formatDuration(intervalMs),
    noTrafficInterval: formatDuration(noTrafficIntervalMs),
    timeout: formatDuration(timeoutMs),
  };
}

function asWritten(document: PolicyDocument): Written {
  const spec = valueAt(document.value, ['spec']);
  return typeof spec === 'object' && spec !== null ? (spec as Written) : {};
}

function writtenRetry({ budget, ...retry }: ModelService['retry']): Written {
  return { ...writtenTries(retry), budget: { ...budget, percent: `${budget.percent}%` } };
}

function writtenTries({
  backOff,
  retryAfter,
  retryOn,
  retriableStatusCodes,
  ...rest
}: ClassSettings['retry']): Written {
  return {
    ...rest,
    retryOn,
    // Without the condition the language takes no codes.
    ...(retriableStatusCodes.length === 0 ? {} : { retriableStatusCodes }),
    backOff: {
      baseInterval: formatDuration(backOff.baseIntervalMs),
      maxInterval: formatDuration(backOff.maxIntervalMs),
    },
    retryAfter: { maxInterval: formatDuration(retryAfter.maxIntervalMs) },
  };
}

function writtenSettings({ class: name, timeouts, retry }: ClassSettings): Written {
  return { class: name, timeouts: writtenTimeouts(timeouts), retry: writtenTries(retry) };
}

function writtenTimeouts(timeouts: ClassSettings['timeouts']): Written {
  return {
    responseHeaders: formatDuration(timeouts.responseHeadersMs),
    perTryIdle: formatDuration(timeouts.perTryIdleMs),
    streamIdle: formatDuration(timeouts.streamIdleMs),
    request: formatDuration(timeouts.requestMs),
  };
}

function writtenLimit({ origin: _place, ratePerSec, maxKeys, cost, ...rest }: RateLimit): Written {
  const tokens = cost === undefined ? {} : { cost: { header: cost.header, default: cost.defaultTokens } };
  return { ...rest, ...tokens, rate: formatRate(ratePerSec), ...(rest.key === undefined ? {} : { maxKeys }) };
}

function writtenPool({ origin: _place, endpoints, keepWarm, signals: _all, ...rest }: Pool, own: Signals): Written {
  const signals = writtenSignals(own);
  return {
    ...rest,
    ...(keepWarm === undefined ? {} : { keepWarm: writtenKeepWarm(keepWarm) }),
    endpoints: writtenEndpoints(endpoints),
    ...(Object.keys(signals).length === 0 ? {} : { signals }),
  };
}

function writtenKeepWarm({ intervalMs, timeoutMs, slowAboveMs, ...rest }: KeepWarm): Written {
  const slow = slowAboveMs === undefined ? {} : { slowAbove: formatDuration(slowAboveMs) };
  return { ...rest, interval: formatDuration(intervalMs), timeout: formatDuration(timeoutMs), ...slow };
}

function writtenEndpoints(endpoints: PoolEndpoints): Written {
  if (endpoints.kind === 'Static') return { static: endpoints.endpoints };
  const { kind, ...rest } = endpoints;
  return kind === 'Dns' ? { dns: rest } : { kubernetes: rest };
}

const KINDS = ['engine', 'gpu', 'push'] as const;

/** The pool's own where its text has them: the rest comes from the service, and one edit there is one change. */
function ownSignals(pool: Pool, index: number, document: PolicyDocument): Signals {
  return picked(pool.signals, (kind) => hasOwn(document, index, kind));
}

/** What the pools without own signals were given is what the service says. */
function sharedSignals(pools: readonly Pool[], document: PolicyDocument): Signals {
  let shared: Signals = {};
  for (const [index, pool] of pools.entries()) {
    shared = { ...picked(pool.signals, (kind) => !hasOwn(document, index, kind)), ...shared };
  }
  return shared;
}

function hasOwn(document: PolicyDocument, pool: number, kind: string): boolean {
  return valueAt(document.value, ['spec', 'pools', pool, 'signals', kind]) !== undefined;
}

function picked(signals: Signals, wanted: (kind: string) => boolean): Signals {
  return Object.fromEntries(KINDS.flatMap((kind) => (signals[kind] && wanted(kind) ? [[kind, signals[kind]]] : [])));
}

function writtenSignals({ engine, gpu, push }: Signals): Written {
  return {
    ...(engine === undefined ? {} : { engine: writtenEngine(engine) }),
    ...(gpu === undefined ? {} : { gpu: writtenGpu(gpu) }),
    ...(push === undefined ? {} : { push: { lease: formatDuration(push.leaseMs) } }),
  };
}

function writtenEngine({ intervalMs, source, ...rest }: NonNullable<Signals['engine']>): Written {
  const every = { ...rest, interval: formatDuration(intervalMs) };
  if (source.kind === 'File') return { ...every, file: writtenFile(source) };
  const port = source.port === undefined ? {} : { port: source.port };
  if (source.kind === 'Prometheus') return { ...every, ...port, prometheus: { url: source.url } };
  return { ...every, ...port, path: source.path };
}

function writtenGpu({ intervalMs, source, ...rest }: NonNullable<Signals['gpu']>): Written {
  const every = { ...rest, interval: formatDuration(intervalMs) };
  if (source.kind === 'File') return { ...every, file: writtenFile(source) };
  const { kind, ...where } = source;
  return kind === 'Prometheus' ? { ...every, prometheus: where } : { ...every, exporter: where };
}

function writtenFile({ path, maxAgeMs }: { readonly path: string; readonly maxAgeMs: number }): Written {
  return { path, maxAge: formatDuration(maxAgeMs) };
}

/** In the largest unit that gives a whole number. */
function formatRate(perSec: number): string {
  for (const [unit, seconds] of [
    ['s', 1],
    ['m', 60],
    ['h', 3600],
  ] as const) {
    const count = Number((perSec * seconds).toFixed(6));
    if (Number.isInteger(count) && count > 0) return `${count}/${unit}`;
  }
  return `${Number((perSec * 3600).toFixed(6))}/h`;
}
