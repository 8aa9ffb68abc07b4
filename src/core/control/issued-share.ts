import { emptyRecord } from '../../base/units/index.ts';
import type { EndpointLoad } from '../load/index.ts';

/** Requests per second that were issued to each endpoint (by id), smoothed. */
export type IssuedRates = Readonly<Record<string, number>>;

const TAU_SEC = 5;

/**
 * What the sidecars really sent where: the proof that a weight works. Reports carry counts per interval; summed over
 * sidecars and smoothed with a time constant of 5 s.
 */
export function stepIssued(
  before: IssuedRates,
  endpoints: readonly Pick<EndpointLoad, 'id' | 'issued'>[],
  elapsedSec: number,
): IssuedRates {
  const gain = elapsedSec > 0 ? 1 - Math.exp(-elapsedSec / TAU_SEC) : 0;
  const after = emptyRecord<number>();
  for (const { id, issued } of endpoints) {
    const rate = elapsedSec > 0 ? issued / elapsedSec : 0;
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
