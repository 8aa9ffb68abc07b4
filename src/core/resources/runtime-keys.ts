import { LoadlineError } from '../../base/errors.ts';
import { LAPSING_LAYER, LASTING_LAYER, SLOT } from './names.ts';
import { MAX_SENT_WEIGHT } from './split-weights.ts';

export type RuntimeLayer = typeof LASTING_LAYER | typeof LAPSING_LAYER;

/**
 * One key that Loadline may send. Envoy takes any value without a word (negative numbers, strings), so the range is
 * checked here.
 */
export type RuntimeKey = {
  /** `{cluster}` stands for the name of a cluster. */
  readonly pattern: string;
  /** Where it belongs. */
  readonly layer: RuntimeLayer;
  /** It may stand in the lapsing layer too, over its lasting value. */
  readonly mayLapse?: true;
  readonly min: number;
  readonly max: number;
  readonly integer: boolean;
  /** What Envoy uses while the key is absent: the value in the cluster or filter. */
  readonly safeDefault: number;
};

const UINT32_MAX = 4_294_967_295;

/** Breakers and retry budget as the cluster carries them; the policy's own numbers come on top by runtime key. */
export const BREAKER_DEFAULTS = {
  maxConnections: 512,
  maxPendingRequests: 256,
  maxRequests: 512,
  budgetPercent: 5,
  minRetryConcurrency: 3,
} as const;

/** Of each pool of a fixed split, as the route carries it: whatever the shares are, the route stays the same. */
export const SPLIT_WEIGHT_DEFAULT = 1;

export const RUNTIME_KEYS: readonly RuntimeKey[] = [
  ...(['default', 'high'] as const).flatMap((priority) => breakers(priority)),
  percentage(enforcedKey(SLOT.sidecarRateLimit), 100),
  percentage(enforcedKey(SLOT.groupRateLimit), 100),
  percentage(shedKey('{cluster}'), 0),
  percentage(degradeKey('{cluster}', '{cluster}'), 0),
  {
    pattern: `${splitPrefix('{cluster}')}.{cluster}`,
    layer: LASTING_LAYER,
    min: 1,
    max: MAX_SENT_WEIGHT,
    integer: true,
    safeDefault: SPLIT_WEIGHT_DEFAULT,
  },
  { ...percentage(mirrorKey('{cluster}'), 0), layer: LASTING_LAYER },
];

/** Percentage of a service's new requests, or of one class of them, that are refused at once. */
export function shedKey(service: string, className?: string): string {
  return className === undefined ? `loadline.shed.${service}` : `loadline.shed.${service}.${className}`;
}

/** Percentage of a class's new requests that another pool takes, or that are refused before. */
export function degradeKey(service: string, className: string): string {
  return `loadline.degrade.${service}.${className}`;
}

/** Percentage of a service's requests that are copied to another. */
export function mirrorKey(service: string): string {
  return `loadline.mirror.${service}`;
}

/** `runtime_key_prefix` of the weighted clusters of a service; Envoy puts a dot and the name of the cluster behind it. */
export function splitPrefix(service: string): string {
  return `loadline.split.${service}`;
}

/** Percentage of requests above a limit that are really refused. */
export function enforcedKey(slot: string): string {
  return `${slot}.enforced`;
}

/** `high`: of requests whose class has a reserve. */
export function breakerKey(cluster: string, name: string, priority: 'default' | 'high' = 'default'): string {
  return `circuit_breakers.${cluster}.${priority}.${name}`;
}

/** The entry of the table for a key, or undefined. */
export function runtimeKey(key: string): RuntimeKey | undefined {
  return RUNTIME_KEYS.find((_, at) => (MATCHERS[at] as RegExp).test(key));
}

/** Throws LOADLINE_RUNTIME_KEY unless the key is known, belongs to that layer and the value is in its range. */
export function checkRuntimeValue(layer: RuntimeLayer, key: string, value: number): void {
  const known = runtimeKey(key);
  if (known === undefined)
    throw new LoadlineError('LOADLINE_RUNTIME_KEY', `${key} is not in the table of runtime keys`);
  if (known.layer !== layer && !(known.mayLapse === true && layer === LAPSING_LAYER)) {
    throw new LoadlineError('LOADLINE_RUNTIME_KEY', `${key} belongs to the layer ${known.layer}, not ${layer}`);
  }
  // NaN fails both comparisons.
  if (!(value >= known.min && value <= known.max) || (known.integer && !Number.isInteger(value))) {
    const kind = known.integer ? 'an integer' : 'a number';
    throw new LoadlineError('LOADLINE_RUNTIME_KEY', `${key} = ${value}: expected ${kind} ${known.min}..${known.max}`);
  }
}

const MATCHERS: readonly RegExp[] = RUNTIME_KEYS.map(
  ({ pattern }) => new RegExp(`^${pattern.split('{cluster}').map(escapePattern).join('.+')}$`),
);

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function breakers(priority: 'default' | 'high'): readonly RuntimeKey[] {
  const key = (name: string, min: number, max: number, integer: boolean, safeDefault: number): RuntimeKey => ({
    ...{ pattern: breakerKey('{cluster}', name, priority), layer: LASTING_LAYER },
    ...{ min, max, integer, safeDefault },
  });
  return [
    key('max_connections', 1, UINT32_MAX, true, BREAKER_DEFAULTS.maxConnections),
    key('max_pending_requests', 1, UINT32_MAX, true, BREAKER_DEFAULTS.maxPendingRequests),
    key('max_requests', 1, UINT32_MAX, true, BREAKER_DEFAULTS.maxRequests),
    { ...key('retry_budget.budget_percent', 0, 100, false, BREAKER_DEFAULTS.budgetPercent), mayLapse: true },
    {
      ...key('retry_budget.min_retry_concurrency', 0, UINT32_MAX, true, BREAKER_DEFAULTS.minRetryConcurrency),
      mayLapse: true,
    },
  ];
}

function percentage(pattern: string, safeDefault: number): RuntimeKey {
  return { pattern, layer: LAPSING_LAYER, min: 0, max: 100, integer: true, safeDefault };
}
