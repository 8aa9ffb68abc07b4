import type { Endpoint } from '../topology/index.ts';
import type { CapacitySource, EndpointLoad, Freshness, ServiceLoad } from './endpoint-load.ts';
import { faultWords, lostGpu } from './gpu-fault.ts';
import { utilisation } from './gpu-sensor.ts';
import type { ClusterMemory, EndpointMemory, LoadState } from './load-state.ts';
import { median } from './median.ts';
import { freshOrca } from './orca.ts';
import { clamp } from './plausible.ts';
import { errorRatio } from './recent-errors.ts';
import { knownSlots, UNKNOWN_SLOTS } from './slots.ts';

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
  };
  if (lost === undefined) return load;
  return { ...load, gpuFault: { words: faultWords(lost), drained: memory.drainedAtMs !== null } };
}
