import { type Endpoint, hostPort, type LoadReport } from '../topology/index.ts';

/** Requests per second that were issued to each endpoint (by id), smoothed. */
export type IssuedRates = Readonly<Record<string, number>>;

const TAU_SEC = 5;

/**
 * What the sidecars really sent where: the proof that a weight works. Reports carry counts per interval; summed over
 * sidecars and smoothed with a time constant of 5 s.
 */
export function stepIssued(
  before: IssuedRates,
  service: string,
  endpoints: readonly Endpoint[],
  reports: readonly LoadReport[],
  elapsedSec: number,
): IssuedRates {
  const counts = new Map<string, number>();
  for (const report of reports) {
    for (const cluster of report.clusters) {
      if (cluster.cluster !== service) continue;
      for (const endpoint of cluster.endpoints) {
        const key = hostPort(endpoint.address, endpoint.port);
        counts.set(key, (counts.get(key) ?? 0) + endpoint.issued);
      }
    }
  }
  const gain = elapsedSec > 0 ? 1 - Math.exp(-elapsedSec / TAU_SEC) : 0;
  const after: Record<string, number> = {};
  for (const { id, address, port } of endpoints) {
    const rate = elapsedSec > 0 ? (counts.get(hostPort(address, port)) ?? 0) / elapsedSec : 0;
    const previous = before[id] ?? 0;
    after[id] = previous + gain * (rate - previous);
  }
  return after;
}

/** Shares 0..1 of the issued rates; all 0 while nothing is issued. */
export function issuedShares(rates: IssuedRates): Readonly<Record<string, number>> {
  const total = Object.values(rates).reduce((sum, rate) => sum + rate, 0);
  return Object.fromEntries(Object.entries(rates).map(([id, rate]) => [id, total > 1e-6 ? rate / total : 0]));
}
