import type { EndpointIndex, LoadReport, NodePresence } from '../topology/index.ts';
import type { LoadState, SidecarMemory } from './load-state.ts';
import { type OrcaSums, plusSums } from './orca.ts';
import { placed } from './places.ts';
import { clamp, MAX_EPOCH_MS, plausible } from './plausible.ts';
import { type ReportCounts, reportCounts } from './report-counts.ts';

/** A sidecar that has been silent for this many of its intervals is gone, and what it had in flight with it. */
const GONE_INTERVALS = 10;
/** Load reports as a whole are silent when no sidecar has reported for this many intervals. */
const SILENT_INTERVALS = 5;
/** After a longer gap than this the counts of a report cover an unknown time. */
const GAP_INTERVALS = 3;

/** What all sidecars have at one endpoint, and what came of it since the last tick. */
export type Traffic = {
  /** [N, W] Requests in flight, and of these without response headers. */
  inFlight: number;
  pending: number;
  issued: number;
  done: number;
  errors: number;
  /** What its answers said. */
  orca: OrcaSums | undefined;
};

export type ReportInput = {
  readonly nowMs: number;
  readonly service: string;
  readonly index: EndpointIndex;
  readonly reports: readonly LoadReport[];
  readonly presence: readonly NodePresence[];
};

export type ReportOutput = Pick<LoadState, 'ids' | 'sidecars'> & {
  /** By place in `ids`: those of the index first, in its order. */
  readonly traffic: readonly Traffic[];
};

/**
 * Folds the load reports of one service into what each sidecar has in flight. Envoy counts a success at its response
 * headers, long before a stream ends, so completions are counted by conservation: issued, minus what is now more in
 * flight, minus errors. That holds for streams of any length.
 *
 * A node that disconnects keeps its requests until it has been silent for ten intervals: its Envoy still serves them.
 */
export function applyReports(before: Pick<LoadState, 'ids' | 'sidecars'>, input: ReportInput): ReportOutput {
  const { nowMs, service, index, presence } = input;
  const { ids, sidecars: remembered } = placed(before, index.endpoints);
  const known = new Map<string, SidecarMemory>();
  for (const sidecar of remembered) {
    // A clock that was set back must not make a sidecar look fresh for hours.
    const reportedAtMs = Math.min(sidecar.reportedAtMs, nowMs);
    if (nowMs - reportedAtMs > GONE_INTERVALS * sidecar.intervalSec * 1000) continue;
    known.set(sidecar.nodeId, reportedAtMs === sidecar.reportedAtMs ? sidecar : { ...sidecar, reportedAtMs });
  }
  for (const { nodeId, kind } of presence) {
    const sidecar = known.get(nodeId);
    if (sidecar !== undefined && kind === 'Connected') known.set(nodeId, { ...sidecar, baseline: true });
  }
  const traffic = ids.map((): Traffic => ({ inFlight: 0, pending: 0, issued: 0, done: 0, errors: 0, orca: undefined }));
  const counts = reportCounts(index);
  const kept = new Kept(ids.length);
  let came = remembered.length === 0;
  for (const report of oldestFirst(input.reports)) {
    const named = counts.read(report, service);
    const sidecar = known.get(report.nodeId);
    // Every sidecar of the group reports; one that never had this service in a report does not take part in it.
    if (sidecar === undefined && !named) continue;
    const next = followReport(sidecar, report, { counts, traffic, kept }, nowMs);
    if (next === undefined) continue;
    if (sidecar === undefined) came = true;
    known.set(report.nodeId, next);
  }
  const sidecars = [...known.values()];
  // A map keeps the order in which they were remembered, and has each name once.
  if (came) sidecars.sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  for (const { places, inFlight, pending } of sidecars) {
    for (let i = 0; i < places.length; i += 1) {
      const sum = traffic[places[i] as number] as Traffic;
      sum.inFlight += inFlight[i] as number;
      sum.pending += pending[i] as number;
    }
  }
  return { ids, sidecars, traffic };
}

/** Mostly they come so, and a tick asks for every service. One whose time cannot be is left out. */
function oldestFirst(reports: readonly LoadReport[]): readonly LoadReport[] {
  let lastMs = 0;
  for (const { receivedAtMs } of reports) {
    if (plausible(receivedAtMs, lastMs, MAX_EPOCH_MS) === undefined)
      return reports
        .filter((report) => plausible(report.receivedAtMs, 0, MAX_EPOCH_MS) !== undefined)
        .sort((a, b) => a.receivedAtMs - b.receivedAtMs);
    lastMs = receivedAtMs;
  }
  return reports;
}

/** Whether any sidecar has reported within five of its intervals. */
export function reportsAreFresh(sidecars: readonly SidecarMemory[], nowMs: number): boolean {
  return sidecars.some(
    ({ reportedAtMs, intervalSec }) => nowMs - reportedAtMs <= SILENT_INTERVALS * intervalSec * 1000,
  );
}

/** The sidecar after a report, undefined where it tells nothing new; what came of its requests is added to the traffic. */
function followReport(
  before: SidecarMemory | undefined,
  report: LoadReport,
  { counts, traffic, kept }: Omit<ReportStep, 'baseline'>,
  nowMs: number,
): SidecarMemory | undefined {
  const { nodeId, absentMeansIdle } = report;
  const reportedAtMs = Math.min(report.receivedAtMs, nowMs);
  const intervalSec = clamp((plausible(report.intervalMs, 1, 3_600_000) ?? 1000) / 1000, 0.1, 60);
  const sidecar = before ?? {
    nodeId,
    reportedAtMs,
    intervalSec,
    baseline: true,
    places: [],
    inFlight: [],
    pending: [],
  };
  if (before !== undefined && reportedAtMs <= before.reportedAtMs) return undefined;
  const gapSec = (reportedAtMs - sidecar.reportedAtMs) / 1000;
  const baseline = sidecar.baseline || gapSec > GAP_INTERVALS * Math.max(intervalSec, sidecar.intervalSec);
  const step: ReportStep = { counts, traffic, kept, baseline };
  kept.clear();
  for (let i = 0; i < sidecar.places.length; i += 1) {
    const place = sidecar.places[i] as number;
    const had = sidecar.inFlight[i] as number;
    if (counts.take(place)) takeRow(step, place, had, sidecar.pending[i] as number);
    else if (absentMeansIdle) {
      // All that was there is done: what a report does not name has nothing.
      if (!baseline) (traffic[place] as Traffic).done += had;
    }
    // Who left is never heard of again.
    else if (counts.covers(place)) kept.add(place, had, sidecar.pending[i] as number);
  }
  for (let i = 0; i < counts.count; i += 1) {
    const place = counts.placeAt(i);
    if (counts.take(place)) takeRow(step, place, 0, 0);
  }
  const { places, inFlight, pending } = kept;
  return { nodeId, reportedAtMs, intervalSec, baseline: false, places, inFlight, pending };
}

type ReportStep = {
  readonly counts: ReportCounts;
  readonly traffic: readonly Traffic[];
  /** What the sidecar has in flight after it. */
  readonly kept: Kept;
  readonly baseline: boolean;
};

/** Gathers what one sidecar after the other has in flight, each endpoint once, without lists that grow as they are filled. */
class Kept {
  readonly #places: number[];
  readonly #inFlight: number[];
  readonly #pending: number[];
  #count = 0;

  constructor(most: number) {
    this.#places = new Array<number>(most);
    this.#inFlight = new Array<number>(most);
    this.#pending = new Array<number>(most);
  }

  clear(): void {
    this.#count = 0;
  }

  add(place: number, inFlight: number, pending: number): void {
    if (inFlight <= 0) return;
    this.#places[this.#count] = place;
    this.#inFlight[this.#count] = inFlight;
    this.#pending[this.#count] = pending;
    this.#count += 1;
  }

  get places(): number[] {
    return this.#places.slice(0, this.#count);
  }

  get inFlight(): number[] {
    return this.#inFlight.slice(0, this.#count);
  }

  get pending(): number[] {
    return this.#pending.slice(0, this.#count);
  }
}

function takeRow({ counts, traffic, baseline, kept }: ReportStep, place: number, had: number, waited: number): void {
  const now = counts.inProgress(place) ?? had;
  const issued = counts.issued(place);
  const errors = counts.errors(place);
  kept.add(place, now, baseline ? 0 : clamp(waited + issued - counts.succeeded(place) - errors, 0, now));
  const sum = traffic[place] as Traffic;
  sum.issued += issued;
  if (baseline) return;
  sum.done += Math.max(0, issued - (now - had) - errors);
  sum.errors += errors;
  const orca = counts.orca(place);
  if (orca !== undefined) sum.orca = plusSums(sum.orca, orca);
}
