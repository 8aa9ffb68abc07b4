import { type Endpoint, fatalXidWords } from '../topology/index.ts';
import type { CapacitySource, EndpointLoad, Freshness, ServiceLoad } from './endpoint-load.ts';
import { engineIsDoubted } from './engine.ts';
import { faultWords, lostGpu } from './gpu-fault.ts';
import { PINNED_RATIO, utilisation } from './gpu-sensor.ts';
import type { ClusterMemory, EndpointMemory, LoadState } from './load-state.ts';
import { median } from './median.ts';
import { freshOrca } from './orca.ts';
import { clamp } from './plausible.ts';
import { errorRatio } from './recent-errors.ts';
import { knownSlots, UNKNOWN_SLOTS } from './slots.ts';
import { clockIsHeard } from './throttle.ts';

/** One endpoint at the end of a tick: its memory and what this tick made of it. */
export type Believed = {
  readonly endpoint: Endpoint;
  readonly memory: EndpointMemory;
  readonly slots: number;
  readonly source: CapacitySource;
  readonly engine: Freshness;
  readonly issued: number;
};

/** [S] before it is measured. */
const FIRST_REQUEST_TIME_SEC = 8;
const MEASURED_AFTER_SEC = 20;
/** KV usage above this makes an endpoint count as fuller than its requests say. */
const KV_PRESSURE_FROM = 0.8;
const KV_PRESSURE_SLOPE = 5;

export function serviceLoad(input: {
  readonly service: string;
  readonly believed: readonly Believed[];
  readonly cluster: ClusterMemory;
  readonly reportsFresh: boolean;
  readonly ageSec: number;
  readonly nowMs: number;
  readonly sidecars: LoadState['sidecars'];
}): ServiceLoad {
  const { service, believed, cluster, reportsFresh, ageSec, nowMs, sidecars } = input;
  const newestReportMs = reportsFresh ? newestOf(sidecars) : undefined;
  const mean = believed.reduce((sum, { memory }) => sum + memory.logCapacity, 0) / Math.max(1, believed.length);
  const time =
    cluster.completionsSlow > 1e-6 ? cluster.totalInFlight / cluster.completionsSlow : FIRST_REQUEST_TIME_SEC;
  const endpoints = believed.map((one) => endpointLoad(one, cluster, mean, newestReportMs, nowMs));
  // The median: what some that went away had in flight stays counted for a while, and they report nothing new.
  const delaysSec = reportsFresh ? sidecars.map(({ reportedAtMs }) => (nowMs - reportedAtMs) / 1000) : [];
  return {
    service,
    endpoints,
    sidecars: reportsFresh ? cluster.sidecars : 0,
    loadReports: reportsFresh ? 'Fresh' : 'Silent',
    requestTimeSec: ageSec < MEASURED_AFTER_SEC ? FIRST_REQUEST_TIME_SEC : clamp(time, 1, 60),
    meanInFlightPerSidecar: cluster.meanInFlightPerSidecar,
    goodPressure: cluster.goodPressure ?? 0,
    engineDelaySec: cluster.engineAgeSec ?? 1,
    reportDelaySec: reportsFresh ? (median(delaysSec) ?? 0) : undefined,
    ageSec,
  };
}

function newestOf(sidecars: LoadState['sidecars']): number {
  let newestMs = Number.NEGATIVE_INFINITY;
  for (const { reportedAtMs } of sidecars) newestMs = Math.max(newestMs, reportedAtMs);
  return newestMs;
}

function endpointLoad(
  one: Believed,
  cluster: ClusterMemory,
  mean: number,
  newestReportMs: number | undefined,
  nowMs: number,
): EndpointLoad {
  const { endpoint, memory, slots, source, engine, issued } = one;
  const foreign =
    engine === 'Fresh' && newestReportMs !== undefined && memory.foreign > 1 + 0.1 * memory.inFlight
      ? memory.foreign
      : 0;
  const inFlight = memory.inFlight + foreign;
  const reading = engine === 'Fresh' ? memory.engine : null;
  const answers = engine === 'Fresh' ? undefined : freshOrca(memory, nowMs);
  const kv = reading?.kvUsageRatio ?? answers?.kvUsageRatio ?? undefined;
  const waiting = reading?.waiting ?? answers?.waiting ?? undefined;
  const told = knownSlots(endpoint, memory);
  const util = utilisation(memory, nowMs);
  let newestMs = Math.max(memory.engine?.atMs ?? 0, newestReportMs ?? 0);
  for (const { utilAtMs } of memory.gpus) newestMs = Math.max(newestMs, utilAtMs);
  const lost = lostGpu(memory);
  const load: EndpointLoad = {
    id: endpoint.id,
    inFlight,
    inFlightPerSidecar: memory.inFlightPerSidecar,
    issued,
    foreign,
    slots,
    slotsTold: told !== undefined,
    slotsKnown: told !== undefined || memory.slotsByQueue !== null || slots !== UNKNOWN_SLOTS,
    logCapacity: memory.logCapacity - mean,
    capacitySource: source,
    waiting,
    running: reading?.running,
    kvUsageRatio: kv,
    gpuUtilRatio: util,
    gpuGate: memory.gpus.length === 0 ? 'Absent' : cluster.gpuGate.open ? 'Open' : 'Closed',
    errorsPerSec: memory.errorsPerSec,
    errorRatio: errorRatio(memory),
    bad: memory.badSec > 0,
    waiting1st: memory.phase === 'Waiting',
    rampAgeSec: memory.phase === 'Ramping' ? Math.max(0, (nowMs - memory.firstAtMs) / 1000) : undefined,
    pressure: ((inFlight + 1) / slots) * (1 + KV_PRESSURE_SLOPE * Math.max(0, (kv ?? 0) - KV_PRESSURE_FROM)),
    engine,
    ageMs: newestMs > 0 ? Math.max(0, nowMs - newestMs) : Math.max(0, nowMs - memory.joinedAtMs),
    notes: notesOf(one, foreign, util, nowMs),
  };
  if (lost === undefined) return load;
  return { ...load, gpuFault: { words: faultWords(lost), drained: memory.drainedAtMs !== null } };
}

const NO_NOTES: readonly string[] = [];

function notesOf(
  { memory, engine, slots, endpoint }: Believed,
  foreign: number,
  util: number | undefined,
  nowMs: number,
): readonly string[] {
  const notes: string[] = [];
  if (engineIsDoubted(memory)) {
    notes.push('its engine tells of less than half of what the sidecars have there: load reports are believed');
  } else if (engine === 'Stale' && memory.engine !== null) {
    notes.push(`engine metrics are ${((nowMs - memory.engine.atMs) / 1000).toFixed(0)} s old: beliefs are held`);
  }
  if (engine !== 'Fresh' && freshOrca(memory, nowMs) !== undefined) {
    notes.push('queue and KV usage are means over what its answers said (ORCA)');
  }
  if (foreign > 0) notes.push(`${foreign.toFixed(1)} requests at the engine did not come through the sidecars`);
  if (memory.slotsByQueue !== null && slots < (knownSlots(endpoint, memory) ?? UNKNOWN_SLOTS)) {
    notes.push(`a queue stood while ${memory.slotsByQueue.toFixed(0)} requests ran: taken as its batch limit`);
  }
  if (memory.gpus.some(({ whole }) => !whole)) notes.push('its GPU is shared or partitioned: utilisation is not used');
  else if (util !== undefined && util >= PINNED_RATIO)
    notes.push('GPU utilisation reads full: it cannot tell load apart and is ignored');
  faultNotes(memory, nowMs, notes);
  return notes.length === 0 ? NO_NOTES : notes;
}

function faultNotes(memory: EndpointMemory, nowMs: number, notes: string[]): void {
  const { throttled, gpus, drainedAtMs } = memory;
  if (throttled !== null) {
    const much = `its GPU is throttled by heat or power ${(throttled.ratio * 100).toFixed(0)} % of the time`;
    if (throttled.log < 0)
      notes.push(`${much}: derated by ${(-Math.expm1(throttled.log) * 100).toFixed(0)} % until it ends`);
    else if (clockIsHeard(gpus, nowMs)) notes.push(`${much}: its SM clock says how much that costs`);
    else notes.push(much);
  }
  const lost = lostGpu(memory);
  if (lost !== undefined && drainedAtMs === null)
    notes.push(`its GPU reported ${faultWords(lost)}: not drained, since its pool keeps half, or the policy says so`);
  for (const { xid } of gpus) {
    if (xid === undefined) continue;
    const words = fatalXidWords(xid.fatalCode);
    if (xid.stage === 'Suspect')
      notes.push(`its GPU tells of ${words} at an unknown time: its work decides whether that counts`);
    else if (xid.stage === 'Dismissed')
      notes.push(`its GPU tells of ${words}: ignored, since the server has worked or started anew after it`);
  }
}
