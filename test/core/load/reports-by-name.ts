import type { ReportInput } from '../../../src/core/load/load-reports.ts';
import type { EndpointId, EndpointReport, LoadReport } from '../../../src/core/topology/index.ts';
import type { NamedSidecar } from './named-sidecars.ts';

type Arrivals = Record<EndpointId, { done: number; errors: number }>;

/**
 * The dumb twin of `applyReports`: what the law says of load reports, endpoint by endpoint and by name. Every count is looked
 * for in the whole report.
 */
export function applyReportsByName(
  before: readonly NamedSidecar[],
  { nowMs, service, index, reports, presence }: ReportInput,
): { readonly sidecars: readonly NamedSidecar[]; readonly arrivals: Arrivals } {
  const arrivals: Arrivals = {};
  let sidecars = before
    .map((one) => ({ ...one, reportedAtMs: Math.min(one.reportedAtMs, nowMs) }))
    .filter(({ reportedAtMs, intervalSec }) => nowMs - reportedAtMs <= 10_000 * intervalSec);
  for (const { nodeId, kind } of presence)
    if (kind === 'Connected')
      sidecars = sidecars.map((one) => (one.nodeId === nodeId ? { ...one, baseline: true } : one));
  const addresses = new Map(index.endpoints.map(({ id, address, port }) => [id, `${address} ${port}`]));
  for (const report of [...reports].sort((a, b) => a.receivedAtMs - b.receivedAtMs)) {
    const { nodeId, absentMeansIdle } = report;
    const clusters = report.clusters.filter(({ cluster }) => cluster === service);
    const known = sidecars.find((one) => one.nodeId === nodeId);
    if (known === undefined && clusters.length === 0) continue;
    const reportedAtMs = Math.min(report.receivedAtMs, nowMs);
    if (known !== undefined && reportedAtMs <= known.reportedAtMs) continue;
    const intervalSec = intervalOf(report);
    const was = known ?? { nodeId, reportedAtMs, intervalSec, baseline: true, inFlight: {}, pending: {} };
    const late = (reportedAtMs - was.reportedAtMs) / 1000 > 3 * Math.max(intervalSec, was.intervalSec);
    const unknown = was.baseline || late;
    const is = { ...was, reportedAtMs, intervalSec, baseline: false, inFlight: {}, pending: {} } as {
      -readonly [K in keyof NamedSidecar]: NamedSidecar[K];
    };
    for (const id of new Set([...addresses.keys(), ...Object.keys(was.inFlight)])) {
      const rows = clusters
        .flatMap(({ endpoints }) => endpoints)
        .filter(({ address, port }) => `${address} ${port}` === addresses.get(id));
      const had = was.inFlight[id] ?? 0;
      const waited = was.pending[id] ?? 0;
      let [has, waits] = [had, waited];
      if (rows.length === 0 && absentMeansIdle) [has, waits] = [0, 0];
      else if (rows.length === 0 && !addresses.has(id)) [has, waits] = [0, 0];
      else if (rows.length > 0) {
        has = rows.some((row) => possible(row.inProgress)) ? sum(rows, 'inProgress') : had;
        const more = waited + sum(rows, 'issued') - sum(rows, 'succeeded') - sum(rows, 'errors');
        waits = unknown ? 0 : Math.min(has, Math.max(0, more));
      }
      if (has > 0) is.inFlight = { ...is.inFlight, [id]: has };
      if (waits > 0) is.pending = { ...is.pending, [id]: waits };
      if (unknown || (rows.length === 0 && !absentMeansIdle)) continue;
      const done = Math.max(0, sum(rows, 'issued') - (has - had) - sum(rows, 'errors'));
      const so = arrivals[id] ?? { done: 0, errors: 0 };
      if (done > 0 || sum(rows, 'errors') > 0 || arrivals[id] !== undefined)
        arrivals[id] = { done: so.done + done, errors: so.errors + sum(rows, 'errors') };
    }
    sidecars = [...sidecars.filter((one) => one.nodeId !== nodeId), is];
  }
  return { sidecars: [...sidecars].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1)), arrivals };
}

function intervalOf({ intervalMs }: LoadReport): number {
  return intervalMs >= 1 && intervalMs <= 3_600_000 ? Math.min(60, Math.max(0.1, intervalMs / 1000)) : 1;
}

function possible(count: number): boolean {
  return count >= 0 && count <= 1e6;
}

function sum(rows: readonly EndpointReport[], key: 'inProgress' | 'issued' | 'succeeded' | 'errors'): number {
  return rows.reduce((total, row) => total + (possible(row[key]) ? row[key] : 0), 0);
}
