import type { Freshness } from './endpoint-load.ts';
import { ewma } from './ewma.ts';
import type { EndpointMemory, EngineReading } from './load-state.ts';
import { clamp } from './plausible.ts';
import { followKv } from './slots.ts';

/** [zE, nE] An engine counts tokens, so two seconds are enough to read its speed. */
const WORK_TAU_SEC = 2;
/** A prompt token costs about a tenth of a generated one: prefill is parallel. */
const PROMPT_WEIGHT = 0.1;
const FOREIGN_TAU_SEC = 4;
/** Beyond this gap a difference of counters says nothing about now. */
const MAX_GAP_SEC = 15;
/** A reading is stale when it is older than usual by three ticks. */
const STALE_TICKS = 3;
const USUAL_GAIN = 0.3;
const MAX_USUAL_SEC = 30;
/** Fewer than this in flight say nothing about half of them. */
const DOUBT_FROM = 4;
const DOUBT_RATIO = 0.5;
const DOUBTED_AFTER_SEC = 30;
const MAX_DOUBT_SEC = 3600;
/** Faster than any engine: a counter that jumps like this is broken. */
const MAX_TOKENS_PER_SEC = 1e7;

export type EngineContext = {
  readonly nowMs: number;
  /** Times of the cluster's ring; N of this tick is its last entry. */
  readonly ringAtMs: readonly number[];
  /** Mean age of load reports, to line their N up with the engine's instant. */
  readonly reportAgeSec: number;
  /** Whether N covers every sidecar: then what the engine has more came from elsewhere. */
  readonly comparable: boolean;
};

/**
 * The instant that a reading speaks for. A page that repeats its predecessor while requests run is an old page: an exporter
 * that froze would otherwise read as zero throughput and take the endpoint's capacity down with it. Only a count of tokens
 * must move while requests run; an engine that has none may well repeat itself under a steady load.
 */
export function effectiveAtMs(reading: EngineReading, inFlight: number): number {
  const idle = reading.running === 0 && reading.waiting === 0 && inFlight < 2;
  return idle || reading.generationTokens === null ? reading.atMs : reading.changedAtMs;
}

/** [step 3] Takes one new reading; returns the seconds since the last one, or undefined when nothing is to be learned. */
export function takeReading(memory: EndpointMemory, taken: EngineReading, context: EngineContext): number | undefined {
  const before = memory.engine;
  const atMs = effectiveAtMs(taken, memory.inFlight);
  // A stored time ahead of now was written before the clock was set back.
  if (before !== null && atMs <= before.atMs && before.atMs <= context.nowMs) return undefined;
  const kvUsageRatio = believedKv(memory, taken, context.nowMs);
  const asTold = atMs === taken.atMs && kvUsageRatio === taken.kvUsageRatio;
  const reading = asTold ? taken : { ...taken, atMs, kvUsageRatio };
  if (before === null) {
    memory.engine = reading;
    return undefined;
  }
  const gapSec = (atMs - before.atMs) / 1000;
  memory.engine = reading;
  const peakSec = clamp((context.nowMs - before.atMs) / 1000, 0, MAX_USUAL_SEC);
  memory.usualAgeSec += USUAL_GAIN * (peakSec - memory.usualAgeSec);
  if (!(gapSec > 0 && gapSec <= MAX_GAP_SEC)) return undefined;
  const work = workRate(before, reading, gapSec);
  if (work !== undefined) {
    memory.engineWork = ewma(memory.engineWork, work, WORK_TAU_SEC, gapSec);
    memory.engineRunning = ewma(memory.engineRunning, reading.running, WORK_TAU_SEC, gapSec);
  }
  const { running } = reading;
  // What is held in a conflict was learned from already.
  followKv(memory, taken.kvUsageRatio, running, gapSec);
  if (context.comparable) {
    const ours = inFlightAt(memory, context, atMs);
    const more = running + reading.waiting - ours;
    memory.foreign = ewma(memory.foreign, more, FOREIGN_TAU_SEC, gapSec);
    const doubtful = ours >= DOUBT_FROM && running + reading.waiting < DOUBT_RATIO * ours;
    memory.engineDoubtSec = doubtful ? Math.min(MAX_DOUBT_SEC, memory.engineDoubtSec + gapSec) : 0;
  }
  return gapSec;
}

/** The KV usage to go on with: the last good one for a while where a page says what cannot be. */
function believedKv(
  memory: EndpointMemory,
  { kvUsageRatio, kvConflict, atMs }: EngineReading,
  nowMs: number,
): number | null {
  const before = memory.kvConflict;
  if (kvConflict === undefined) {
    memory.kvConflict = null;
    return kvUsageRatio;
  }
  const goodRatio = before === null ? (memory.engine?.kvUsageRatio ?? null) : before.goodRatio;
  const beganAtMs = before?.beganAtMs ?? atMs;
  memory.kvConflict = { value: kvConflict, beganAtMs, goodRatio };
  return nowMs - beganAtMs <= MAX_GAP_SEC * 1000 ? goodRatio : null;
}

/** [conflict] Its engine has told of less than half of what the sidecars have there, for long: load reports are believed. */
export function engineIsDoubted({ engineDoubtSec }: EndpointMemory): boolean {
  return engineDoubtSec >= DOUBTED_AFTER_SEC;
}

export function engineFreshness(
  memory: EndpointMemory,
  nowMs: number,
  tickSec: number,
  usualDelayMs: number | undefined,
): Freshness {
  if (memory.engine === null) return 'Absent';
  const usualSec = usualDelayMs === undefined ? memory.usualAgeSec : usualDelayMs / 1000;
  const ageSec = (nowMs - memory.engine.atMs) / 1000;
  const { leaseMs = Number.POSITIVE_INFINITY } = memory.engine;
  const longestSec = Math.min(usualSec + STALE_TICKS * Math.max(1, tickSec), leaseMs / 1000);
  return ageSec <= longestSec && !engineIsDoubted(memory) ? 'Fresh' : 'Stale';
}

/** Work per second in generated-token equivalents; undefined when a counter is missing, was reset or jumped. */
function workRate(before: EngineReading, now: EngineReading, gapSec: number): number | undefined {
  if (before.generationTokens === null || now.generationTokens === null) return undefined;
  const generated = now.generationTokens - before.generationTokens;
  const prompted =
    before.promptTokens === null || now.promptTokens === null ? 0 : now.promptTokens - before.promptTokens;
  const work = (generated + PROMPT_WEIGHT * prompted) / gapSec;
  return generated >= 0 && prompted >= 0 && work <= MAX_TOKENS_PER_SEC ? work : undefined;
}

/** N when the engine was read: the remembered tick whose reports were taken closest to that instant. */
function inFlightAt(memory: EndpointMemory, { ringAtMs, reportAgeSec }: EngineContext, atMs: number): number {
  const wantedMs = atMs + reportAgeSec * 1000;
  const shift = ringAtMs.length - memory.ring.length;
  let best = memory.inFlight;
  let distance = Number.POSITIVE_INFINITY;
  for (let i = memory.ring.length - 1; i >= 0; i--) {
    const apart = Math.abs((ringAtMs[i + shift] ?? 0) - wantedMs);
    if (apart > distance) break;
    distance = apart;
    best = memory.ring[i] ?? best;
  }
  return best;
}
