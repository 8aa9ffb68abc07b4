import type { Endpoint, EndpointId } from '../topology/index.ts';
import type { LoadState } from './load-state.ts';

type Placed = Pick<LoadState, 'ids' | 'sidecars'>;

/**
 * Brings what is remembered to the endpoints of this tick: they stand first, in their order, and behind them who left while a
 * sidecar still had requests there, until its next report.
 */
export function placed(before: Placed, endpoints: readonly Endpoint[]): Placed {
  const { ids, sidecars } = before;
  if (ids.length === endpoints.length && endpoints.every(({ id }, place) => ids[place] === id)) return before;
  const now = endpoints.map(({ id }) => id);
  const placeOf = new Map(now.map((id, place) => [id, place]));
  const moved = (place: number): number => {
    const id = ids[place] as EndpointId;
    const known = placeOf.get(id);
    if (known !== undefined) return known;
    placeOf.set(id, now.length);
    return now.push(id) - 1;
  };
  return { ids: now, sidecars: sidecars.map((sidecar) => ({ ...sidecar, places: sidecar.places.map(moved) })) };
}
