import type { EndpointId } from '../topology/index.ts';
import type { LoadState, SidecarMemory } from './load-state.ts';

/** Version 1 named the endpoints in each sidecar's memory. */
export type LoadStateV1 = Omit<LoadState, 'version' | 'ids' | 'sidecars'> & {
  readonly version: 1;
  readonly sidecars: readonly (Omit<SidecarMemory, 'places' | 'inFlight' | 'pending'> & {
    readonly inFlight: Readonly<Record<EndpointId, number>>;
    readonly pending: Readonly<Record<EndpointId, number>>;
  })[];
};

/** The state of an older server, from a checkpoint or a recording, as today's. */
export function upgraded(state: LoadState | LoadStateV1): LoadState {
  if (state.version === 2) return state;
  const ids = Object.keys(state.endpoints);
  const places = new Map(ids.map((id, place) => [id, place]));
  const placeOf = (id: EndpointId): number => {
    const place = places.get(id) ?? ids.push(id) - 1;
    places.set(id, place);
    return place;
  };
  const sidecars = state.sidecars.map(({ inFlight, pending, ...same }) => ({
    ...same,
    places: Object.keys(inFlight).map(placeOf),
    inFlight: Object.values(inFlight),
    pending: Object.keys(inFlight).map((id) => pending[id] ?? 0),
  }));
  return { ...state, version: 2, ids, sidecars };
}
