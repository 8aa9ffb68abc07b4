import type { Event, Scenario, Zones } from './scenario.ts';
import { LIVE, type Shape, shapedScenario, WIDE } from './shape.ts';

/**
 * The scenarios of the study that chose the law: eight servers of the shape that was also run on real Envoys ("live"), and
 * wider ones with long prompts ("suite").
 */

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
const recovery = [speedOf(7, 60_000, 0.5), speedOf(7, 120_000, 1)];
const falseClocks: readonly Event[] = [0, 1, 2, 3].map((server) => ({
  kind: 'FalseClock',
  server,
  atMs: 60_000,
  ratio: 0.7,
}));
const falseThrottles: readonly Event[] = [0, 1, 2, 3].map((server) => ({
  kind: 'FalseThrottle',
  server,
  atMs: 60_000,
}));
/** Two more that take requests long before they can answer. */
const cold: readonly Event[] = [8, 9].map((server) => ({ kind: 'Join', server, atMs: 60_000, coldMs: 18_000 }));
const turnover: readonly Event[] = [0, 1, 2, 3].flatMap((server): Event[] => [
  { kind: 'Leave', server, atMs: 40_000 + 30_000 * server },
  { kind: 'Join', server: 8 + server, atMs: 42_000 + 30_000 * server, coldMs: 10_000 },
]);
const restarts: readonly Event[] = Array.from({ length: 16 }, (_, sidecar) => ({
  kind: 'SidecarRestart',
  sidecar,
  atMs: 30_000 + 10_000 * sidecar,
  backAtMs: 36_000 + 10_000 * sidecar,
}));
const half = [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5];
/** Half of the servers and half of the sidecars in each of two; the second four servers are the slower ones of `half`. */
const zones = (crossMs: number): Zones => ({
  ofServers: [0, 0, 0, 0, 1, 1, 1, 1],
  ofSidecars: Array.from({ length: 16 }, (_, sidecar) => sidecar % 2),
  crossMs,
});
/** A day in three minutes. */
const wave = (atMs: number): number => 1 + 0.5 * Math.sin((2 * Math.PI * atMs) / 180_000);
const rush = (atMs: number): number => (atMs >= 60_000 && atMs < 100_000 ? 1.3 / 0.8 : 1);
const sinkhole: readonly Event[] = [
  { kind: 'Sinkhole', server: 7, atMs: 30_000, ratio: 0.7 },
  { kind: 'Sinkhole', server: 7, atMs: 70_000, ratio: 0 },
];

/** What takes minutes to learn is judged when it was learned. */
const LEARNED = { durationMs: 400_000, warmUpMs: 150_000 };

const live = (name: string, shape: Shape): Scenario => shapedScenario(`live ${name}`, LIVE, shape);
const wide = (name: string, shape: Shape): Scenario => shapedScenario(name, WIDE, shape);

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
  live('homogeneous M1', { sidecars: 1 }),
  live('homogeneous M4', { sidecars: 4 }),
  live('widths M1', { sidecars: 1, rho: 0.8, slots: widths }),
  live('widths M16', { sidecars: 16, rho: 0.8, slots: widths }),
  live('widths unknown M4', { sidecars: 4, rho: 0.8, slots: widths, slotsKnown: false }),
  live('crash M4', { sidecars: 4, rho: 0.7, events: [{ kind: 'Crash', server: 7, atMs: 30_000, backAtMs: 50_000 }] }),
  live('cold start M4', {
    sidecars: 4,
    rho: 0.7,
    events: [{ kind: 'ColdStart', server: 7, atMs: 30_000, forMs: 15_000 }],
  }),
  ...(['Honest', 'Pinned', 'Slow'] as const).map((gpu) =>
    live(`GPU ${gpu}, widths unknown, no engine M4`, {
      sidecars: 4,
      rho: 0.8,
      slots: widths,
      slotsKnown: false,
      signals: { engine: false, gpu, headers: 'Immediate' },
      durationMs: 180_000,
      warmUpMs: 90_000,
    }),
  ),
  ...(['Immediate', 'FirstToken'] as const).map((headers) =>
    live(`headers ${headers}, widths unknown, no engine M4`, {
      sidecars: 4,
      rho: 0.8,
      slots: widths,
      slotsKnown: false,
      signals: { engine: false, headers },
      durationMs: 180_000,
      warmUpMs: 90_000,
    }),
  ),
  wide('homogeneous M4', { sidecars: 4 }),
  wide('homogeneous M64', { sidecars: 64 }),
  wide('homogeneous ρ .92 M16', { sidecars: 16, rho: 0.92 }),
  wide('burst ×2.5 M16', { sidecars: 16, rho: 0.65, burst: { factor: 2.5, everyMs: 40_000, forMs: 8000 } }),
  wide('speeds 1/.5 M16', { sidecars: 16, rho: 0.85, speeds: [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5] }),
  wide('widths 24/64 M16', { sidecars: 16, slots: widths }),
  wide('widths unknown M16', { sidecars: 16, slots: widths, slotsKnown: false }),
  wide('widths unknown, one exporter frozen early M16', {
    ...LEARNED,
    sidecars: 16,
    slots: widths,
    slotsKnown: false,
    events: [{ kind: 'FreezeMetrics', server: 0, atMs: 5000 }],
  }),
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
  wide('thermal M16', { sidecars: 16, events: thermal }),
  wide('thermal and back M16', { sidecars: 16, events: recovery }),
  wide('thermal and back M64', { sidecars: 64, events: recovery }),
  wide('thermal and back M64, no engine', { sidecars: 64, events: recovery, signals: { engine: false } }),
  wide('thermal M64, SM clock, no engine', { sidecars: 64, events: thermal, signals: { engine: false, clock: true } }),
  wide('false clock on four M16', { sidecars: 16, events: falseClocks, signals: { clock: true } }),
  wide('thermal and back M64, throttle told, no engine', {
    sidecars: 64,
    events: recovery,
    signals: { engine: false, throttle: true },
  }),
  wide('false throttle on four M16', { sidecars: 16, events: falseThrottles, signals: { throttle: true } }),
  wide('false throttle on four M16, no engine', {
    sidecars: 16,
    events: falseThrottles,
    signals: { engine: false, throttle: true },
  }),
  ...(['Whole', 'Partitioned'] as const).map((gpuDevice) =>
    wide(`GPUs half under-report as ${gpuDevice}, widths unknown, no engine M64`, {
      ...LEARNED,
      sidecars: 64,
      slotsKnown: false,
      signals: { engine: false, gpu: 'HalfUnderReport', gpuDevice, headers: 'Immediate' },
    }),
  ),
  wide('foreign load, GPU Honest, no engine M16', {
    sidecars: 16,
    rho: 0.7,
    events: foreign,
    signals: { engine: false, gpu: 'Honest', headers: 'Immediate' },
  }),
  wide('thermal M16, engine 5 s old', { sidecars: 16, events: thermal, signals: { engineDelayMs: 5000 } }),
  wide('thermal M16, engine 30 s old', { sidecars: 16, events: thermal, signals: { engineDelayMs: 30_000 } }),
  wide('thermal M64, no engine', { sidecars: 64, events: thermal, signals: { engine: false } }),
  wide('speeds 5.6x M64', { sidecars: 64, rho: 0.85, speeds: het }),
  wide('foreign load M16', { sidecars: 16, rho: 0.7, events: foreign }),
  wide('sinkhole M16', { sidecars: 16, rho: 0.7, events: [{ kind: 'Sinkhole', server: 7, atMs: 60_000, ratio: 0.7 }] }),
  wide('crash and cold return M16', { sidecars: 16, rho: 0.7, events: crash }),
  wide('two cold servers join M16', { sidecars: 16, servers: 10, rho: 0.64, events: cold }),
  wide('servers come and go M16', { sidecars: 16, servers: 12, rho: 0.5, events: turnover }),
  wide('autoscaler M16', {
    sidecars: 16,
    servers: 16,
    rho: 0.4,
    rateFactor: wave,
    maxRateFactor: 1.5,
    autoscaler: { least: 6, periodMs: 15_000, targetRatio: 0.6, coldMs: 15_000 },
    durationMs: 380_000,
  }),
  wide('sidecars come and go, thermal M16', { sidecars: 16, events: [...restarts, ...thermal] }),
  wide('reports up to 2 s late, thermal M16', {
    sidecars: 16,
    events: thermal,
    signals: { reportJitterMs: 2000 },
  }),
  wide('Envoy 1.36 reports, thermal M64', { sidecars: 64, events: thermal, signals: { reportsOmitBusy: true } }),
  wide('merge window 1 s, thermal M16', { sidecars: 16, events: thermal, signals: { pushMs: 1100 } }),
  wide('queues of 5, thermal M64', { sidecars: 64, events: thermal, queueLimit: 5 }),
  wide('overload M16', { sidecars: 16, rateFactor: rush, maxRateFactor: 1.3 / 0.8 }),
  wide('low rate M16', {
    sidecars: 16,
    rho: 0.6,
    slots: Array.from({ length: 8 }, () => 8),
    speeds: half,
    outputFactor: 4,
  }),
  wide('KV half M16', { sidecars: 16, rho: 0.65, kv: Array.from({ length: 8 }, () => 0.5) }),
  wide('KV 1/.4 M16', { sidecars: 16, rho: 0.65, kv: [1, 1, 1, 1, 0.4, 0.4, 0.4, 0.4] }),
  wide('short answers, speeds 1/.5 M16', { sidecars: 16, rho: 0.4, speeds: half, outputFactor: 0.2 }),
  wide('homogeneous M256', { sidecars: 256 }),
  wide('two servers, sinkhole, nothing to spare M4', {
    sidecars: 4,
    servers: 2,
    events: [{ kind: 'Sinkhole', server: 1, atMs: 60_000, ratio: 0.5 }],
  }),
  wide('one frozen exporter M16', { sidecars: 16, events: [{ kind: 'FreezeMetrics', server: 3, atMs: 40_000 }] }),
  wide('most exporters frozen, thermal M16', { sidecars: 16, events: [...frozen, ...thermal] }),
  wide('skewed load M16', { sidecars: 16, events: thermal, firstSidecarRatio: 0.5 }),
  wide('two zones 2 ms apart, thermal M16', { sidecars: 16, events: thermal, zones: zones(2) }),
  wide('two zones 30 ms apart M16', { sidecars: 16, zones: zones(30) }),
  wide('two zones 30 ms apart, speeds 1/.5 M16', { sidecars: 16, rho: 0.85, speeds: half, zones: zones(30) }),
  wide('four workers M16', { sidecars: 16, events: thermal, workers: 4 }),
  wide('two servers M4', { sidecars: 4, servers: 2, rho: 0.6, events: [speedOf(1, 60_000, 0.5)] }),
  wide('three servers M4', { sidecars: 4, servers: 3, rho: 0.7, events: [speedOf(2, 60_000, 0.5)] }),
];
