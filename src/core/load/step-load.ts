import { emptyRecord } from '../../base/units/index.ts';
import { type Endpoint, indexEndpoints, type LoadReport, type NodePresence, type Sample } from '../topology/index.ts';
import { learnCapacity } from './capacity.ts';
import type { Freshness, ServiceLoad } from './endpoint-load.ts';
import { engineFreshness, takeReading } from './engine.ts';
import { ewma, ewmaFrom } from './ewma.ts';
import { DEFAULT_FAULT_DRAIN, type FaultDrainOptions, stepFaultDrain } from './fault-drain.ts';
import { applyClock } from './gpu-clock.ts';
import { judgeSuspects } from './gpu-fault.ts';
import { takeGpus } from './gpu-memory.ts';
import { followUtil, type Sensed, slotsByUtilisation, stepGate, utilisation } from './gpu-sensor.ts';
import { baseShare, followHeaders, queueByHeaders } from './header-queue.ts';
import { applyReports, reportsAreFresh, type Traffic } from './load-reports.ts';
import { type ClusterMemory, draftCluster, type EndpointMemory, type LoadState, newCluster } from './load-state.ts';
import { quantile } from './median.ts';
import { draftMembers, reborn } from './membership.ts';
import { freshOrca, takeAnswers } from './orca.ts';
import { clamp } from './plausible.ts';
import { followErrors, isBad } from './recent-errors.ts';
import { type EndpointSamples, gatherSamples } from './samples.ts';
import { type Believed, serviceLoad } from './service-load.ts';
import { effectiveSlots, forgetSlots, knownSlots, learnFromKv, learnFromQueue, UNKNOWN_SLOTS } from './slots.ts';
import { applyThrottle } from './throttle.ts';
import { type LoadStateV1, upgraded } from './upgrade.ts';

export type LoadOptions = {
  readonly leastRequest: boolean;
  /** How old an engine reading usually is when the next one comes; learned when absent. */
  readonly engineUsualDelayMs?: number;
  /** Whether what answers say (ORCA) is listened to. */
  readonly orca?: boolean;
  /** Absent: every pool, up to half of it. */
  readonly faultDrain?: FaultDrainOptions;
};

export type LoadInput = {
  readonly nowMs: number;
  readonly service: string;
  readonly endpoints: readonly Endpoint[];
  /** New since the last tick; those of other services are passed over. */
  readonly samples: readonly Sample[];
  readonly reports: readonly LoadReport[];
  readonly presence: readonly NodePresence[];
  readonly options: LoadOptions;
};

/** A tick counts as this long at most: after a pause (a restart) rates must not jump. */
const MIN_TICK_SEC = 0.05;
const MAX_TICK_SEC = 5;
const RING_TICKS = 40;
/** An exporter that was silent for so long is not late. */
const ENGINE_GONE_MS = 30_000;
const HEADERS_AFTER_SEC = 20;
const UTIL_AFTER_SEC = 10;
const RAMP_AGAIN_AFTER_BAD_SEC = 3;
const NOBODY = { ids: [], sidecars: [] };

/** One tick of beliefs about one service. Pure; the given state is not changed. */
export function stepLoad(
  stored: LoadState | LoadStateV1 | undefined,
  input: LoadInput,
): { state: LoadState; load: ServiceLoad } {
  const before = stored && upgraded(stored);
  const { nowMs, service, endpoints, options } = input;
  const startedAtMs = before?.startedAtMs ?? nowMs;
  const elapsedSec = before === undefined ? 1 : clamp((nowMs - before.atMs) / 1000, MIN_TICK_SEC, MAX_TICK_SEC);
  const ageSec = Math.max(0, (nowMs - startedAtMs) / 1000);
  const index = indexEndpoints(endpoints);
  const cluster: ClusterMemory = before === undefined ? newCluster() : draftCluster(before.cluster);
  const drafts = draftMembers(before?.endpoints, endpoints, startedAtMs, nowMs);
  const samples = gatherSamples(input.samples, index, nowMs);
  rebirths(drafts, endpoints, samples, nowMs);
  takeGpus(drafts, samples, nowMs);

  const { ids, sidecars, traffic } = applyReports(before ?? NOBODY, {
    nowMs,
    service,
    index,
    reports: input.reports,
    presence: input.presence,
  });
  const reportsFresh = reportsAreFresh(sidecars, nowMs);
  if (reportsFresh) cluster.sidecars = sidecars.length;
  cluster.reportsSinceMs = reportsFresh ? (cluster.reportsSinceMs ?? nowMs) : null;
  const members = endpoints.map((endpoint, place) => ({ endpoint, memory: drafts[place] as EndpointMemory }));
  for (const [place, memory] of drafts.entries()) {
    if (reportsFresh) takeTraffic(memory, traffic[place] as Traffic, Math.max(1, cluster.sidecars), elapsedSec, nowMs);
    else takeEngineTraffic(memory);
  }
  turnRing(cluster, drafts, nowMs);

  const reportAgeSec = meanAge(
    sidecars.map(({ reportedAtMs }) => reportedAtMs),
    nowMs,
  );
  const freshness = members.map(({ endpoint, memory }, place): Freshness => {
    for (const reading of samples[place]?.engine ?? []) {
      memory.slotsStated = reading.maxRunning ?? memory.slotsStated;
      const gapSec = takeReading(memory, reading, {
        nowMs,
        ringAtMs: cluster.ringAtMs,
        reportAgeSec: reportAgeSec ?? 0,
        comparable: reportsFresh,
      });
      if (gapSec === undefined) continue;
      const { running, waiting, kvUsageRatio } = reading;
      learnFromQueue(memory, knownSlots(endpoint, memory) ?? UNKNOWN_SLOTS, {
        from: 'Engine',
        waiting,
        running,
        kvUsageRatio: kvUsageRatio ?? 0,
        elapsedSec: gapSec,
      });
    }
    return engineFreshness(memory, nowMs, elapsedSec, options.engineUsualDelayMs);
  });
  // Anew: this tick's readings are in.
  if (!reportsFresh) for (const { memory } of members) takeEngineTraffic(memory);
  cluster.engineAgeSec = engineAge(drafts, freshness, nowMs);
  cluster.reportAgeSec = reportAgeSec;
  for (const [place, { endpoint, memory }] of members.entries()) {
    if (options.orca !== true || freshness[place] === 'Fresh') memory.orca = null;
    else takeAnswers(memory, traffic[place]?.orca, knownSlots(endpoint, memory) ?? UNKNOWN_SLOTS, nowMs);
  }

  const supposed = supposedSlots(members, freshness, cluster, { ageSec, elapsedSec, nowMs, reportsFresh });
  for (const { memory } of members) {
    applyClock(memory, nowMs, elapsedSec);
    applyThrottle(memory, nowMs, elapsedSec);
    forgetSlots(memory, elapsedSec);
    learnFromKv(memory);
    stepHealth(memory, elapsedSec);
  }
  for (const [place, memory] of drafts.entries()) judgeSuspects(memory, traffic[place]?.done ?? 0, nowMs, elapsedSec);
  for (const { endpoint, memory } of members) if (endpoint.lifecycle === 'Draining') memory.phase = 'Waiting';
  stepFaultDrain(members, options.faultDrain ?? DEFAULT_FAULT_DRAIN, nowMs);
  const slots = members.map(({ memory }, i) => effectiveSlots(memory, supposed[i] as number));
  const sources = learnCapacity(
    members.map(({ memory }, i) => ({
      memory,
      slots: slots[i] as number,
      engineFresh: freshness[i] === 'Fresh',
      reportsFresh,
      bad: memory.badSec > 0,
    })),
    ageSec,
    elapsedSec,
  );

  const believed: readonly Believed[] = members.map(({ endpoint, memory }, i) => ({
    endpoint,
    memory,
    slots: slots[i] as number,
    source: sources[i] ?? 'None',
    issued: (traffic[i] as Traffic).issued,
    engine: freshness[i] as Freshness,
  }));
  stepCluster(cluster, believed, traffic, reportsFresh, elapsedSec);
  const memories = emptyRecord<EndpointMemory>();
  for (const { endpoint, memory } of members) memories[endpoint.id] = memory;
  const state: LoadState = {
    version: 2,
    startedAtMs,
    atMs: nowMs,
    ids,
    endpoints: memories,
    sidecars,
    cluster,
  };
  return { state, load: serviceLoad({ service, believed, cluster, reportsFresh, ageSec, nowMs, sidecars }) };
}

function rebirths(
  drafts: EndpointMemory[],
  endpoints: readonly Endpoint[],
  samples: readonly (EndpointSamples | undefined)[],
  nowMs: number,
): void {
  const restarted: { readonly place: number; readonly startSec: number }[] = [];
  for (const [place, memory] of drafts.entries()) {
    const startSec = startOf(samples[place]);
    if (startSec === null) continue;
    if (memory.processStartSec !== null && Math.abs(startSec - memory.processStartSec) > 1)
      restarted.push({ place, startSec });
    else memory.processStartSec = startSec;
  }
  if (restarted.length === 0) return;
  // Those that went on tell what is usual; of those that restarted, the order must not matter.
  const reset = new Set(restarted.map(({ place }) => place));
  const peers = drafts.filter((_, place) => !reset.has(place));
  for (const { place, startSec } of restarted) {
    const next = reborn(drafts[place] as EndpointMemory, endpoints[place] as Endpoint, peers, nowMs);
    drafts[place] = { ...next, processStartSec: startSec };
  }
}

/** The newest word on when its engine was started; null where no page says. */
function startOf(samples: EndpointSamples | undefined): number | null {
  let startSec: number | null = null;
  if (samples !== undefined) for (const page of samples.engine) startSec = page.processStartSec ?? startSec;
  return startSec;
}

/** [step 2] What the sidecars have in flight and completed. */
function takeTraffic(
  memory: EndpointMemory,
  { inFlight, pending, issued, done, errors }: Traffic,
  count: number,
  elapsedSec: number,
  nowMs: number,
): void {
  memory.inFlight = inFlight;
  memory.pending = pending;
  memory.completions = ewma(memory.completions, done / elapsedSec, 20, elapsedSec);
  memory.meanInFlight = ewma(memory.meanInFlight, memory.inFlight, 20, elapsedSec);
  memory.inFlightPerSidecar = ewma(memory.inFlightPerSidecar, memory.inFlight / count, 3, elapsedSec);
  memory.errorsPerSec = ewma(memory.errorsPerSec, errors / elapsedSec, 3, elapsedSec);
  followErrors(memory, { issued, errors }, elapsedSec);
  if (memory.phase === 'Waiting' && done > 0) {
    memory.phase = 'Ramping';
    memory.firstAtMs = nowMs;
  }
}

/** Without load reports the engine's own count stands in for what is in flight; health is then unknown. */
function takeEngineTraffic(memory: EndpointMemory): void {
  if (memory.engine !== null) memory.inFlight = memory.engine.running + memory.engine.waiting;
  memory.pending = 0;
}

function turnRing(cluster: ClusterMemory, memories: readonly EndpointMemory[], nowMs: number): void {
  cluster.ringAtMs = turned(cluster.ringAtMs, nowMs);
  for (const memory of memories) memory.ring = turned(memory.ring, memory.inFlight);
}

function turned(ring: readonly number[], value: number): number[] {
  const kept = Math.min(ring.length, RING_TICKS - 1);
  const next = new Array<number>(kept + 1);
  for (let i = 0; i < kept; i += 1) next[i] = ring[ring.length - kept + i] as number;
  next[kept] = value;
  return next;
}

/** [step 4] The slots that each engine is supposed to have before queues and KV taught better. */
function supposedSlots(
  members: readonly { readonly endpoint: Endpoint; readonly memory: EndpointMemory }[],
  freshness: readonly Freshness[],
  cluster: ClusterMemory,
  {
    ageSec,
    elapsedSec,
    nowMs,
    reportsFresh,
  }: { ageSec: number; elapsedSec: number; nowMs: number; reportsFresh: boolean },
): readonly number[] {
  const supposed = members.map(({ endpoint, memory }) => knownSlots(endpoint, memory) ?? UNKNOWN_SLOTS);
  const taughtSlots: number[] = [];
  const blind: { readonly endpoint: Endpoint; readonly memory: EndpointMemory; readonly i: number }[] = [];
  for (const [i, { endpoint, memory }] of members.entries()) {
    if (freshness[i] !== 'Fresh') blind.push({ endpoint, memory, i });
    else if (memory.slotsByQueue !== null) taughtSlots.push(memory.slotsByQueue);
  }
  // An engine that went silent untaught cannot show a queue any more: it is no wider than those that have.
  const taught = blind.length === 0 ? undefined : quantile(taughtSlots, 0.5);
  if (taught !== undefined)
    for (const { endpoint, memory, i } of blind)
      if (freshness[i] === 'Stale' && memory.slotsByQueue === null && knownSlots(endpoint, memory) === undefined)
        supposed[i] = Math.min(UNKNOWN_SLOTS, taught);
  for (const { memory } of members) followHeaders(memory, elapsedSec);
  for (const { memory } of members) {
    const util = utilisation(memory, nowMs);
    if (util !== undefined || memory.util !== null) followUtil(memory, util, elapsedSec);
  }
  if (!reportsFresh || blind.length === 0) {
    stepGate(
      cluster,
      blind.map(({ memory }) => memory),
      ageSec,
      elapsedSec,
      nowMs,
    );
    return supposed;
  }
  // Of all: what is usual is not told by those that are blind.
  const base = ageSec > HEADERS_AFTER_SEC ? baseShare(members.map(({ memory }) => memory)) : undefined;
  if (base !== undefined) {
    for (const { memory, i } of blind) {
      // A stale engine holds what it taught; one that stays away is read off its headers, as if there had never been one.
      const told = freshOrca(memory, nowMs)?.waiting != null;
      if (!told && (memory.engine === null || nowMs - memory.engine.atMs > ENGINE_GONE_MS))
        learnFromQueue(memory, supposed[i] as number, queueByHeaders(memory, base, elapsedSec));
    }
  }
  const open = stepGate(
    cluster,
    blind.map(({ memory }) => memory),
    ageSec,
    elapsedSec,
    nowMs,
  );
  if (!open || ageSec <= UTIL_AFTER_SEC) return supposed;
  const sensed: Sensed[] = blind.map(({ endpoint, memory }) => ({ memory, known: knownSlots(endpoint, memory) }));
  const byUtil = slotsByUtilisation(sensed, cluster, UNKNOWN_SLOTS, elapsedSec, nowMs);
  for (const [at, { i }] of blind.entries()) supposed[i] = byUtil[at] as number;
  return supposed;
}

/** [step 5] */
function stepHealth(memory: EndpointMemory, elapsedSec: number): void {
  if (isBad(memory)) {
    memory.badSec += elapsedSec;
    return;
  }
  if (memory.badSec >= RAMP_AGAIN_AFTER_BAD_SEC) memory.phase = 'Waiting';
  memory.badSec = 0;
}

/** [steps 7, 8, 10] Sums over the service. */
function stepCluster(
  cluster: ClusterMemory,
  believed: readonly Believed[],
  traffic: readonly Traffic[],
  reportsFresh: boolean,
  elapsedSec: number,
): void {
  const count = Math.max(1, believed.length);
  const inFlight = believed.reduce((sum, { memory }) => sum + memory.inFlight, 0);
  const slow = 1 - Math.exp(-0.05 * elapsedSec);
  cluster.totalInFlight += slow * (inFlight - cluster.totalInFlight);
  if (reportsFresh) {
    const done = traffic.reduce((sum, one) => sum + one.done, 0);
    cluster.completions10 = ewma(cluster.completions10, done / elapsedSec, 10, elapsedSec);
    cluster.completionsSlow += slow * (cluster.completions10 - cluster.completionsSlow);
  }
  const perSidecar = inFlight / count / Math.max(1, cluster.sidecars);
  cluster.meanInFlightPerSidecar = ewma(cluster.meanInFlightPerSidecar, perSidecar, 10, elapsedSec);
  const well = believed.filter(({ memory }) => memory.badSec === 0 && memory.phase !== 'Waiting');
  const slots = well.reduce((sum, { slots: own }) => sum + own, 0);
  if (slots > 0) {
    const pressure = well.reduce((sum, { memory }) => sum + memory.inFlight, 0) / slots;
    cluster.goodPressure = ewmaFrom(cluster.goodPressure, pressure, 3, elapsedSec);
  }
}

/** Of the readings that count. */
function engineAge(drafts: readonly EndpointMemory[], freshness: readonly Freshness[], nowMs: number): number | null {
  let sumMs = 0;
  let count = 0;
  for (const [i, { engine }] of drafts.entries()) {
    if (freshness[i] !== 'Fresh' || engine === null) continue;
    sumMs += Math.max(0, nowMs - engine.atMs);
    count += 1;
  }
  return count === 0 ? null : sumMs / count / 1000;
}

function meanAge(timesMs: readonly number[], nowMs: number): number | null {
  if (timesMs.length === 0) return null;
  return timesMs.reduce((sum, atMs) => sum + Math.max(0, nowMs - atMs), 0) / timesMs.length / 1000;
}
