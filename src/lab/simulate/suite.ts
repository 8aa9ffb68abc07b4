import { type EngineProfile, STANDARD_PROFILE } from '../modelserver/index.ts';
import type { Event, Scenario, Server } from './scenario.ts';

/**
 * The scenarios of the study that chose the law: eight servers of the shape that was also run on real Envoys ("live"), and
 * wider ones with long prompts ("suite").
 */

const KV_TOKENS_PER_SLOT = 1900;

/** 24 slots, 40 to 80 ms a step, short answers: 6.25 requests per second when full. */
const LIVE: EngineProfile = { ...STANDARD_PROFILE, slots: 24, stepMs: 40, bend: 1, kvTokens: 24 * KV_TOKENS_PER_SLOT };
const LIVE_RPS_PER_SLOT = 6.25 / 24;
/** 64 slots, 15 to 37.5 ms a step, prompts that hold up the steps: 5.72 requests per second when full. */
const WIDE: EngineProfile = {
  ...STANDARD_PROFILE,
  slots: 64,
  stepMs: 15,
  bend: 1.5,
  decodeDuringPrefill: 0.6,
  kvTokens: 64 * KV_TOKENS_PER_SLOT,
};
const WIDE_RPS_PER_SLOT = 5.72 / 64;

type Shape = {
  readonly sidecars: number;
  readonly rho?: number;
  readonly speeds?: readonly number[];
  readonly slots?: readonly number[];
  readonly slotsKnown?: boolean;
  readonly events?: readonly Event[];
  readonly workers?: number;
  readonly burst?: { readonly factor: number; readonly everyMs: number; readonly forMs: number };
  readonly signals?: Partial<Scenario['signals']>;
  readonly firstSidecarRatio?: number;
  readonly outputFactor?: number;
  readonly servers?: number;
  readonly durationMs?: number;
  readonly warmUpMs?: number;
};

const SIGNALS: Scenario['signals'] = {
  engine: true,
  engineDelayMs: 1000,
  gpu: 'None',
  headers: 'FirstToken',
  loadReports: true,
};

function scenario(name: string, base: EngineProfile, rpsPerSlot: number, shape: Shape): Scenario {
  const {
    sidecars,
    rho = base === LIVE ? 0.78 : 0.8,
    slotsKnown = true,
    events = [],
    workers = 1,
    burst,
    signals = {},
  } = shape;
  const count = shape.servers ?? shape.speeds?.length ?? shape.slots?.length ?? 8;
  const servers: readonly Server[] = Array.from({ length: count }, (_, index) => {
    const slots = shape.slots?.[index] ?? base.slots;
    const speed = shape.speeds?.[index] ?? 1;
    return { profile: { ...base, slots, speed, kvTokens: slots * KV_TOKENS_PER_SLOT }, slotsKnown };
  });
  const capacity = servers.reduce((sum, { profile }) => sum + profile.speed * profile.slots * rpsPerSlot, 0);
  const meanRate = (rho * capacity) / (shape.outputFactor ?? 1);
  const live = base === LIVE;
  return {
    name,
    servers,
    sidecars,
    workers,
    ratePerSec:
      burst === undefined
        ? () => meanRate
        : (atMs) => meanRate * (atMs % burst.everyMs < burst.forMs ? burst.factor : 1),
    maxRatePerSec: meanRate * (burst?.factor ?? 1),
    lengths: live ? { kind: 'Live' } : { kind: 'Suite', outputFactor: shape.outputFactor ?? 1 },
    events,
    durationMs: shape.durationMs ?? (live ? 90_000 : 200_000),
    warmUpMs: shape.warmUpMs ?? 20_000,
    slo: live ? { ttftMs: 500, tpotMs: 200 } : { ttftMs: 1500, tpotMs: 100 },
    signals: { ...SIGNALS, ...signals },
    ...(shape.firstSidecarRatio === undefined ? {} : { firstSidecarRatio: shape.firstSidecarRatio }),
  };
}

const speedOf = (server: number, atMs: number, speed: number): Event => ({
  kind: 'Condition',
  server,
  atMs,
  change: { speed },
});
const step = [speedOf(7, 30_000, 0.5), speedOf(7, 60_000, 1)];
const thermal = [speedOf(7, 60_000, 0.5)];
const het = [1, 1, 1, 1, 0.5, 0.5, 0.3, 0.18];
const widths = [24, 24, 24, 24, 64, 64, 64, 64];
const foreign: readonly Event[] = [{ kind: 'Condition', server: 7, atMs: 20_000, change: { foreignLoad: 0.5 } }];
const crash: readonly Event[] = [{ kind: 'Crash', server: 7, atMs: 60_000, backAtMs: 80_000 }];
const frozen: readonly Event[] = [0, 1, 2, 3, 7].map((server) => ({ kind: 'FreezeMetrics', server, atMs: 40_000 }));
const sinkhole: readonly Event[] = [
  { kind: 'Sinkhole', server: 7, atMs: 30_000, ratio: 0.7 },
  { kind: 'Sinkhole', server: 7, atMs: 70_000, ratio: 0 },
];

/** What takes minutes to learn is judged when it was learned. */
const LEARNED = { durationMs: 400_000, warmUpMs: 150_000 };

const live = (name: string, shape: Shape): Scenario => scenario(`live ${name}`, LIVE, LIVE_RPS_PER_SLOT, shape);
const wide = (name: string, shape: Shape): Scenario => scenario(name, WIDE, WIDE_RPS_PER_SLOT, shape);

export const SUITE: readonly Scenario[] = [
  live('homogeneous M16', { sidecars: 16 }),
  live('step M1', { sidecars: 1, events: step }),
  live('step M4', { sidecars: 4, events: step }),
  live('step M16', { sidecars: 16, events: step }),
  live('speeds M1', { sidecars: 1, rho: 0.8, speeds: het }),
  live('speeds M4', { sidecars: 4, rho: 0.8, speeds: het }),
  live('speeds M16', { sidecars: 16, rho: 0.8, speeds: het }),
  live('widths M4', { sidecars: 4, rho: 0.8, slots: widths }),
  live('foreign M4', { sidecars: 4, rho: 0.7, events: foreign }),
  live('foreign M16', { sidecars: 16, rho: 0.7, events: foreign }),
  live('sinkhole M4', { sidecars: 4, events: sinkhole }),
  wide('homogeneous M4', { sidecars: 4 }),
  wide('homogeneous M64', { sidecars: 64 }),
  wide('homogeneous ρ .92 M16', { sidecars: 16, rho: 0.92 }),
  wide('burst ×2.5 M16', { sidecars: 16, rho: 0.65, burst: { factor: 2.5, everyMs: 40_000, forMs: 8000 } }),
  wide('speeds 1/.5 M16', { sidecars: 16, rho: 0.85, speeds: [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5] }),
  wide('widths 24/64 M16', { sidecars: 16, slots: widths }),
  wide('widths unknown M16', { sidecars: 16, slots: widths, slotsKnown: false }),
  wide('widths unknown, no engine M16', {
    ...LEARNED,
    sidecars: 16,
    slots: widths,
    slotsKnown: false,
    signals: { engine: false },
  }),
  ...(['Honest', 'Noisy', 'Concave', 'Pinned', 'Slow'] as const).map((gpu) =>
    wide(`widths unknown, GPU ${gpu}, no engine M16`, {
      ...LEARNED,
      sidecars: 16,
      slots: widths,
      slotsKnown: false,
      signals: { engine: false, gpu, headers: 'Immediate' },
    }),
  ),
  wide('widths unknown, headers at once, no engine M16', {
    ...LEARNED,
    sidecars: 16,
    slots: widths,
    slotsKnown: false,
    signals: { engine: false, headers: 'Immediate' },
  }),
  wide('thermal M4', { sidecars: 4, events: thermal }),
  wide('thermal M64', { sidecars: 64, events: thermal }),
  wide('thermal M16, engine 5 s old', { sidecars: 16, events: thermal, signals: { engineDelayMs: 5000 } }),
  wide('thermal M16, engine 30 s old', { sidecars: 16, events: thermal, signals: { engineDelayMs: 30_000 } }),
  wide('thermal M64, no engine', { sidecars: 64, events: thermal, signals: { engine: false } }),
  wide('speeds 5.6x M64', { sidecars: 64, rho: 0.85, speeds: het }),
  wide('foreign load M16', { sidecars: 16, rho: 0.7, events: foreign }),
  wide('sinkhole M16', { sidecars: 16, rho: 0.7, events: [{ kind: 'Sinkhole', server: 7, atMs: 60_000, ratio: 0.7 }] }),
  wide('crash and cold return M16', { sidecars: 16, rho: 0.7, events: crash }),
  wide('one frozen exporter M16', { sidecars: 16, events: [{ kind: 'FreezeMetrics', server: 3, atMs: 40_000 }] }),
  wide('most exporters frozen, thermal M16', { sidecars: 16, events: [...frozen, ...thermal] }),
  wide('skewed load M16', { sidecars: 16, events: thermal, firstSidecarRatio: 0.5 }),
  wide('four workers M16', { sidecars: 16, events: thermal, workers: 4 }),
  wide('two servers M4', { sidecars: 4, servers: 2, rho: 0.6, events: [speedOf(1, 60_000, 0.5)] }),
  wide('three servers M4', { sidecars: 4, servers: 3, rho: 0.7, events: [speedOf(2, 60_000, 0.5)] }),
];
