import { type EngineProfile, STANDARD_PROFILE } from '../modelserver/index.ts';
import type { Autoscaler, Event, Scenario, Server, Zones } from './scenario.ts';

const KV_TOKENS_PER_SLOT = 1900;

/** 24 slots, 40 to 80 ms a step, short answers: 6.25 requests per second when full. */
export const LIVE: EngineProfile = {
  ...STANDARD_PROFILE,
  slots: 24,
  stepMs: 40,
  bend: 1,
  kvTokens: 24 * KV_TOKENS_PER_SLOT,
};
const LIVE_RPS_PER_SLOT = 6.25 / 24;
/** 64 slots, 15 to 37.5 ms a step, prompts that hold up the steps: 5.72 requests per second when full. */
export const WIDE: EngineProfile = {
  ...STANDARD_PROFILE,
  slots: 64,
  stepMs: 15,
  bend: 1.5,
  decodeDuringPrefill: 0.6,
  kvTokens: 64 * KV_TOKENS_PER_SLOT,
};
const WIDE_RPS_PER_SLOT = 5.72 / 64;

/** What makes a scenario different from eight equal servers under steady load. */
export type Shape = {
  readonly sidecars: number;
  readonly rho?: number;
  readonly speeds?: readonly number[];
  readonly slots?: readonly number[];
  readonly slotsKnown?: boolean;
  readonly events?: readonly Event[];
  readonly workers?: number;
  readonly zones?: Zones;
  readonly burst?: { readonly factor: number; readonly everyMs: number; readonly forMs: number };
  readonly signals?: Partial<Scenario['signals']>;
  readonly firstSidecarRatio?: number;
  readonly outputFactor?: number;
  readonly servers?: number;
  /** Factor on the KV cache of each server. */
  readonly kv?: readonly number[];
  readonly queueLimit?: number;
  readonly autoscaler?: Autoscaler;
  /** Of the mean rate, at a time, and the most that it comes to. */
  readonly rateFactor?: (atMs: number) => number;
  readonly maxRateFactor?: number;
  readonly durationMs?: number;
  readonly warmUpMs?: number;
};

const SIGNALS: Scenario['signals'] = {
  engine: true,
  engineDelayMs: 1000,
  gpu: 'None',
  gpuDevice: 'Whole',
  clock: false,
  headers: 'FirstToken',
  loadReports: true,
  reportDelayMs: 0,
  reportJitterMs: 0,
  reportsOmitBusy: false,
  pushMs: 100,
};

/** `rho` is the part of the fleet's capacity that is asked for. */
export function shapedScenario(name: string, base: EngineProfile, shape: Shape): Scenario {
  const rpsPerSlot = base === LIVE ? LIVE_RPS_PER_SLOT : WIDE_RPS_PER_SLOT;
  const {
    sidecars,
    rho = base === LIVE ? 0.78 : 0.8,
    slotsKnown = true,
    events = [],
    workers = 1,
    burst,
    signals = {},
    autoscaler,
  } = shape;
  const count = shape.servers ?? shape.speeds?.length ?? shape.slots?.length ?? 8;
  const servers: readonly Server[] = Array.from({ length: count }, (_, index) => {
    const slots = shape.slots?.[index] ?? base.slots;
    const speed = shape.speeds?.[index] ?? 1;
    const kvTokens = slots * KV_TOKENS_PER_SLOT * (shape.kv?.[index] ?? 1);
    const queueLimit = shape.queueLimit ?? base.queueLimit;
    return { profile: { ...base, slots, speed, kvTokens, queueLimit }, slotsKnown };
  });
  const capacity = servers.reduce((sum, { profile }) => sum + profile.speed * profile.slots * rpsPerSlot, 0);
  const meanRate = (rho * capacity) / (shape.outputFactor ?? 1);
  const live = base === LIVE;
  return {
    name,
    servers,
    sidecars,
    workers,
    ratePerSec: (atMs) => meanRate * rateFactor(shape, atMs),
    maxRatePerSec: meanRate * (burst?.factor ?? shape.maxRateFactor ?? 1),
    lengths: live ? { kind: 'Live' } : { kind: 'Suite', outputFactor: shape.outputFactor ?? 1 },
    events,
    durationMs: shape.durationMs ?? (live ? 90_000 : 200_000),
    warmUpMs: shape.warmUpMs ?? 20_000,
    slo: live ? { ttftMs: 500, tpotMs: 200 } : { ttftMs: 1500, tpotMs: 100 },
    signals: { ...SIGNALS, ...signals },
    ...(autoscaler === undefined ? {} : { autoscaler }),
    ...(shape.zones === undefined ? {} : { zones: shape.zones }),
    ...(shape.firstSidecarRatio === undefined ? {} : { firstSidecarRatio: shape.firstSidecarRatio }),
  };
}

function rateFactor({ burst, rateFactor: factor }: Shape, atMs: number): number {
  if (burst !== undefined) return atMs % burst.everyMs < burst.forMs ? burst.factor : 1;
  return factor?.(atMs) ?? 1;
}
