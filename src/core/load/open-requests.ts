import { own } from '../../base/units/index.ts';
import type { EndpointId } from '../topology/index.ts';
import { reportsAreFresh } from './load-reports.ts';
import type { LoadState } from './load-state.ts';

/**
 * Requests that sidecars had open at an endpoint at the last tick; undefined while nobody knows: no sidecar reports, or it was no
 * endpoint then. What others than sidecars sent there is not counted, nor what a sidecar has that was silent for long.
 */
export function openRequests(state: LoadState | undefined, id: EndpointId): number | undefined {
  const memory = own(state?.endpoints, id);
  if (state === undefined || memory === undefined || !reportsAreFresh(state.sidecars, state.atMs)) return undefined;
  return memory.inFlight;
}
