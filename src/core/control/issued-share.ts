import { type Endpoint, endpointAt, indexEndpoints, type LoadReport } from '../topology/index.ts';
import { issuedRequests } from './issued-requests.ts';

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
  const index = indexEndpoints(endpoints);
  const counts = issuedRequests(service, index, reports);
  const gain = elapsedSec > 0 ? 1 - Math.exp(-elapsedSec / TAU_SEC) : 0;
  const after: Record<string, number> = {};
  for (const { id, address, port } of endpoints) {
    const heardOf = endpointAt(index, address, port);
    const count = heardOf === undefined ? 0 : (counts.get(heardOf.id) ?? 0);
    const rate = elapsedSec > 0 ? count / elapsedSec : 0;
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
