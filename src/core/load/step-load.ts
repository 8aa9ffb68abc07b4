import {
  type Endpoint,
  type EndpointId,
  indexEndpoints,
  type LoadReport,
  type NodePresence,
  type Sample,
} from '../topology/index.ts';
import { learnCapacity } from './capacity.ts';
import type { Freshness, ServiceLoad } from './endpoint-load.ts';
import { engineFreshness, takeReading } from './engine.ts';
import { ewma, ewmaFrom } from './ewma.ts';
import { applyClock } from './gpu-clock.ts';
import { followUtil, type Sensed, slotsByUtilisation, stepGate, utilisation } from './gpu-sensor.ts';
import { baseShare, followHeaders, queueByHeaders } from './header-queue.ts';
import { type Arrivals, applyReports, reportsAreFresh } from './load-reports.ts';
import { type ClusterMemory, type EndpointMemory, type LoadState, newCluster } from './load-state.ts';
import { draftMembers, reborn } from './membership.ts';
import { clamp } from './plausible.ts';
import { type EndpointSamples, gatherSamples } from './samples.ts';
import { type Believed, serviceLoad } from './service-load.ts';
import { effectiveSlots, forgetSlots, knownSlots, learnFromKv, learnFromQueue, UNKNOWN_SLOTS } from './slots.ts';

export type LoadOptions = {
  readonly leastRequest: boolean;
  /** How old an engine reading usually is when the next one comes; learned when absent. */
  readonly engineUsualDelayMs?: number;
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
const BAD_ERRORS_PER_SEC = 0.1;
const BAD_RATIO = 0.1;
const RAMP_AGAIN_AFTER_BAD_SEC = 3;

/** One tick of beliefs about one service. Pure; the given state is not changed. */
export function stepLoad(before: LoadState | undefined, input: LoadInput): { state: LoadState; load: ServiceLoad } {
  const { nowMs, service, endpoints, options } = input;
  const startedAtMs = before?.startedAtMs ?? nowMs;
  const elapsedSec = before === undefined ? 1 : clamp((nowMs - before.atMs) / 1000, MIN_TICK_SEC, MAX_TICK_SEC);
  const ageSec = Math.max(0, (nowMs - startedAtMs) / 1000);
  const index = indexEndpoints(endpoints);
  const cluster: ClusterMemory = before === undefined ? newCluster() : structuredClone(before.cluster);
  const drafts = new Map(draftMembers(before?.endpoints, endpoints, startedAtMs, nowMs));
  const samples = gatherSamples(input.samples, index, nowMs);
  rebirths(drafts, endpoints, samples, nowMs);
  takeGpus(drafts, samples);

  const { sidecars, arrivals } = applyReports(before?.sidecars ?? [], {
    nowMs,
    service,
    index,
    reports: input.reports,
    presence: input.presence,
  });
  const reportsFresh = reportsAreFresh(sidecars, nowMs);
  if (reportsFresh) cluster.sidecars = sidecars.length;
  cluster.reportsSinceMs = reportsFresh ? (cluster.reportsSinceMs ?? nowMs) : null;
  const members = endpoints.map((endpoint) => ({ endpoint, memory: drafts.get(endpoint.id) as EndpointMemory }));
  for (const { endpoint, memory } of members) {
    if (reportsFresh)
      takeTraffic(memory, endpoint.id, sidecars, arrivals, Math.max(1, cluster.sidecars), elapsedSec, nowMs);
    else takeEngineTraffic(memory);
  }
  turnRing(
    cluster,
    members.map(({ memory }) => memory),
    nowMs,
  );

  const reportAgeSec = meanAge(
    sidecars.map(({ reportedAtMs }) => reportedAtMs),
    nowMs,
  );
  const freshness = members.map(({ endpoint, memory }): Freshness => {
    for (const reading of samples.get(endpoint.id)?.engine ?? []) {
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
  cluster.engineAgeSec = meanAge(
    members.flatMap(({ memory }, i) =>
      freshness[i] === 'Fresh' && memory.engine !== null ? [memory.engine.atMs] : [],
    ),
    nowMs,
  );
  cluster.reportAgeSec = reportAgeSec;

  const supposed = supposedSlots(members, freshness, cluster, { ageSec, elapsedSec, nowMs, reportsFresh });
  for (const { memory } of members) {
    applyClock(memory, nowMs, elapsedSec);
    forgetSlots(memory, elapsedSec);
    learnFromKv(memory);
    stepHealth(memory, elapsedSec);
  }
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
    engine: freshness[i] as Freshness,
  }));
  stepCluster(cluster, believed, arrivals, reportsFresh, elapsedSec);
  const state: LoadState = {
    version: 1,
    startedAtMs,
    atMs: nowMs,
    endpoints: Object.fromEntries(members.map(({ endpoint, memory }) => [endpoint.id, memory])),
    sidecars,
    cluster,
  };
  return { state, load: serviceLoad({ service, believed, cluster, reportsFresh, ageSec, nowMs, sidecars }) };
}

function rebirths(
  drafts: Map<EndpointId, EndpointMemory>,
  endpoints: readonly Endpoint[],
  samples: ReadonlyMap<EndpointId, EndpointSamples>,
  nowMs: number,
): void {
  const restarted: { readonly endpoint: Endpoint; readonly startSec: number }[] = [];
  for (const endpoint of endpoints) {
    const memory = drafts.get(endpoint.id) as EndpointMemory;
    const startSec = samples
      .get(endpoint.id)
      ?.engine.findLast(({ processStartSec }) => processStartSec !== null)?.processStartSec;
    if (startSec === undefined || startSec === null) continue;
    if (memory.processStartSec !== null && Math.abs(startSec - memory.processStartSec) > 1)
      restarted.push({ endpoint, startSec });
    else memory.processStartSec = startSec;
  }
  // Those that went on tell what is usual; of those that restarted, the order must not matter.
  const reset = new Set(restarted.map(({ endpoint }) => endpoint.id));
  const peers = [...drafts].flatMap(([id, peer]) => (reset.has(id) ? [] : [peer]));
  for (const { endpoint, startSec } of restarted) {
    const memory = drafts.get(endpoint.id) as EndpointMemory;
    drafts.set(endpoint.id, { ...reborn(memory, endpoint, peers, nowMs), processStartSec: startSec });
  }
}

function takeGpus(
  drafts: ReadonlyMap<EndpointId, EndpointMemory>,
  samples: ReadonlyMap<EndpointId, EndpointSamples>,
): void {
  for (const [id, { gpus }] of samples) {
    const memory = drafts.get(id);
    if (memory === undefined) continue;
    for (const fresh of gpus) {
      const at = memory.gpus.findIndex(({ gpu }) => gpu === fresh.gpu);
      const before = memory.gpus[at];
      if (before === undefined) memory.gpus.push(fresh);
      else {
        memory.gpus[at] = {
          gpu: fresh.gpu,
          whole: fresh.whole,
          ...(fresh.utilRatio === null
            ? { utilRatio: before.utilRatio, utilAtMs: before.utilAtMs }
            : { utilRatio: fresh.utilRatio, utilAtMs: fresh.utilAtMs }),
          ...(fresh.clockHertz === null
            ? { clockHertz: before.clockHertz, clockAtMs: before.clockAtMs }
            : { clockHertz: fresh.clockHertz, clockAtMs: fresh.clockAtMs }),
        };
      }
    }
  }
}

/** [step 2] What the sidecars have in flight and completed. */
function takeTraffic(
  memory: EndpointMemory,
  id: EndpointId,
  sidecars: LoadState['sidecars'],
  arrivals: ReadonlyMap<EndpointId, Arrivals>,
  count: number,
  elapsedSec: number,
  nowMs: number,
): void {
  memory.inFlight = sidecars.reduce((sum, { inFlight }) => sum + (inFlight[id] ?? 0), 0);
  memory.pending = sidecars.reduce((sum, { pending }) => sum + (pending[id] ?? 0), 0);
  const { done, errors } = arrivals.get(id) ?? { done: 0, errors: 0 };
  memory.completions = ewma(memory.completions, done / elapsedSec, 20, elapsedSec);
  memory.meanInFlight = ewma(memory.meanInFlight, memory.inFlight, 20, elapsedSec);
  memory.inFlightPerSidecar = ewma(memory.inFlightPerSidecar, memory.inFlight / count, 3, elapsedSec);
  memory.donePerSec = ewma(memory.donePerSec, done / elapsedSec, 3, elapsedSec);
  memory.errorsPerSec = ewma(memory.errorsPerSec, errors / elapsedSec, 3, elapsedSec);
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
  const next = ring.slice(1 - RING_TICKS);
  next.push(value);
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
  for (const { memory } of members) followHeaders(memory, elapsedSec);
  const blind = members.flatMap(({ endpoint, memory }, i) =>
    freshness[i] === 'Fresh' ? [] : [{ endpoint, memory, i }],
  );
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
      if (memory.engine === null || nowMs - memory.engine.atMs > ENGINE_GONE_MS)
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
  const { errorsPerSec, donePerSec } = memory;
  const bad = errorsPerSec > BAD_ERRORS_PER_SEC && errorsPerSec / (errorsPerSec + donePerSec) > BAD_RATIO;
  if (bad) {
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
  arrivals: ReadonlyMap<EndpointId, Arrivals>,
  reportsFresh: boolean,
  elapsedSec: number,
): void {
  const count = Math.max(1, believed.length);
  const inFlight = believed.reduce((sum, { memory }) => sum + memory.inFlight, 0);
  const slow = 1 - Math.exp(-0.05 * elapsedSec);
  cluster.totalInFlight += slow * (inFlight - cluster.totalInFlight);
  if (reportsFresh) {
    let done = 0;
    for (const arrival of arrivals.values()) done += arrival.done;
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

function meanAge(timesMs: readonly number[], nowMs: number): number | null {
  if (timesMs.length === 0) return null;
  return timesMs.reduce((sum, atMs) => sum + Math.max(0, nowMs - atMs), 0) / timesMs.length / 1000;
}
