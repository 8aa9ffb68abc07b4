import {
  type EndpointId,
  type EndpointIndex,
  type EndpointReport,
  endpointAt,
  type LoadReport,
  type NodePresence,
} from '../topology/index.ts';
import type { SidecarMemory } from './load-state.ts';
import { clamp, MAX_EPOCH_MS, MAX_REQUESTS, plausible } from './plausible.ts';

/** A sidecar that has been silent for this many of its intervals is gone, and what it had in flight with it. */
const GONE_INTERVALS = 10;
/** Load reports as a whole are silent when no sidecar has reported for this many intervals. */
const SILENT_INTERVALS = 5;
/** After a longer gap than this the counts of a report cover an unknown time. */
const GAP_INTERVALS = 3;

/** Completions and errors of one endpoint since the last tick, over all sidecars. */
export type Arrivals = { done: number; errors: number };

export type ReportInput = {
  readonly nowMs: number;
  readonly service: string;
  readonly index: EndpointIndex;
  readonly reports: readonly LoadReport[];
  readonly presence: readonly NodePresence[];
};

export type ReportOutput = {
  readonly sidecars: readonly SidecarMemory[];
  readonly arrivals: ReadonlyMap<EndpointId, Arrivals>;
};

/**
 * Folds the load reports of one service into what each sidecar has in flight. Envoy counts a success at its response
 * headers, long before a stream ends, so completions are counted by conservation: issued, minus what is now more in
 * flight, minus errors. That holds for streams of any length.
 *
 * A node that disconnects keeps its requests until it has been silent for ten intervals: its Envoy still serves them.
 */
export function applyReports(before: readonly SidecarMemory[], input: ReportInput): ReportOutput {
  const { nowMs, service, index, presence } = input;
  const known = new Map<string, SidecarMemory>();
  for (const sidecar of before) {
    // A clock that was set back must not make a sidecar look fresh for hours.
    const reportedAtMs = Math.min(sidecar.reportedAtMs, nowMs);
    if (nowMs - reportedAtMs > GONE_INTERVALS * sidecar.intervalSec * 1000) continue;
    known.set(sidecar.nodeId, { ...sidecar, reportedAtMs });
  }
  for (const { nodeId, kind } of presence) {
    const sidecar = known.get(nodeId);
    if (sidecar !== undefined && kind === 'Connected') sidecar.baseline = true;
  }
  const arrivals = new Map<EndpointId, Arrivals>();
  const inOrder = input.reports
    .filter((report) => plausible(report.receivedAtMs, 0, MAX_EPOCH_MS) !== undefined)
    .sort((a, b) => a.receivedAtMs - b.receivedAtMs);
  for (const report of inOrder) applyReport(known, arrivals, report, service, index, nowMs);
  const sidecars = [...known.values()].sort((a, b) => (a.nodeId < b.nodeId ? -1 : a.nodeId > b.nodeId ? 1 : 0));
  return { sidecars, arrivals };
}

/** Whether any sidecar has reported within five of its intervals. */
export function reportsAreFresh(sidecars: readonly SidecarMemory[], nowMs: number): boolean {
  return sidecars.some(
    ({ reportedAtMs, intervalSec }) => nowMs - reportedAtMs <= SILENT_INTERVALS * intervalSec * 1000,
  );
}

function applyReport(
  known: Map<string, SidecarMemory>,
  arrivals: Map<EndpointId, Arrivals>,
  report: LoadReport,
  service: string,
  index: EndpointIndex,
  nowMs: number,
): void {
  const { nodeId, absentMeansIdle } = report;
  const counts = countsOf(report, service, index);
  let sidecar = known.get(nodeId);
  // Every sidecar of the group reports; one that never had this service in a report does not take part in it.
  if (sidecar === undefined && counts === undefined) return;
  const receivedAtMs = Math.min(report.receivedAtMs, nowMs);
  const intervalSec = clamp((plausible(report.intervalMs, 1, 3_600_000) ?? 1000) / 1000, 0.1, 60);
  if (sidecar === undefined) {
    sidecar = { nodeId, reportedAtMs: receivedAtMs, intervalSec, baseline: true, inFlight: {}, pending: {} };
    known.set(nodeId, sidecar);
  } else if (receivedAtMs <= sidecar.reportedAtMs) {
    return;
  }
  const gapSec = (receivedAtMs - sidecar.reportedAtMs) / 1000;
  const baseline = sidecar.baseline || gapSec > GAP_INTERVALS * Math.max(intervalSec, sidecar.intervalSec);
  const inFlight: Record<EndpointId, number> = absentMeansIdle ? {} : { ...sidecar.inFlight };
  const pending: Record<EndpointId, number> = absentMeansIdle ? {} : { ...sidecar.pending };
  const take = (id: EndpointId, count: Counts | undefined): void => {
    const before = sidecar.inFlight[id] ?? 0;
    const issued = count?.issued ?? 0;
    const errors = count?.errors ?? 0;
    const now = count === undefined ? 0 : (count.inProgress ?? before);
    const waiting = (sidecar.pending[id] ?? 0) + issued - (count?.succeeded ?? 0) - errors;
    set(inFlight, id, now);
    set(pending, id, baseline ? 0 : clamp(waiting, 0, now));
    if (baseline) return;
    const done = Math.max(0, issued - (now - before) - errors);
    const sum = arrivals.get(id);
    if (sum === undefined) arrivals.set(id, { done, errors });
    else {
      sum.done += done;
      sum.errors += errors;
    }
  };
  if (counts !== undefined) for (const [id, count] of counts) take(id, count);
  if (absentMeansIdle) for (const id in sidecar.inFlight) if (counts?.has(id) !== true) take(id, undefined);
  known.set(nodeId, { nodeId, reportedAtMs: receivedAtMs, intervalSec, baseline: false, inFlight, pending });
}

type Counts = { inProgress: number | undefined; issued: number; succeeded: number; errors: number };

/** Counts by endpoint; undefined when the report does not mention the service. Localities may repeat an address: summed. */
function countsOf(report: LoadReport, service: string, index: EndpointIndex): Map<EndpointId, Counts> | undefined {
  let counts: Map<EndpointId, Counts> | undefined;
  for (const { cluster, endpoints } of report.clusters) {
    if (cluster !== service) continue;
    counts ??= new Map();
    for (const endpoint of endpoints) {
      const id = endpointAt(index, endpoint.address, endpoint.port)?.id;
      if (id === undefined) continue;
      const sum = counts.get(id);
      if (sum === undefined) counts.set(id, countsIn(endpoint));
      else add(sum, countsIn(endpoint));
    }
  }
  return counts;
}

function countsIn({ inProgress, issued, succeeded, errors }: EndpointReport): Counts {
  return {
    inProgress: plausible(inProgress, 0, MAX_REQUESTS),
    issued: plausible(issued, 0, MAX_REQUESTS) ?? 0,
    succeeded: plausible(succeeded, 0, MAX_REQUESTS) ?? 0,
    errors: plausible(errors, 0, MAX_REQUESTS) ?? 0,
  };
}

function add(sum: Counts, more: Counts): void {
  if (more.inProgress !== undefined) sum.inProgress = (sum.inProgress ?? 0) + more.inProgress;
  sum.issued += more.issued;
  sum.succeeded += more.succeeded;
  sum.errors += more.errors;
}

function set(record: Record<EndpointId, number>, id: EndpointId, value: number): void {
  if (value > 0) record[id] = value;
  else if (id in record) delete record[id];
}
