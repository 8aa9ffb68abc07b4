import type { ReportOutput } from '../../../src/core/load/load-reports.ts';
import type { LoadState, SidecarMemory } from '../../../src/core/load/load-state.ts';
import type { EndpointId } from '../../../src/core/topology/index.ts';

/** What is remembered of a sidecar, with its endpoints by name: as a person would write it. */
export type NamedSidecar = Omit<SidecarMemory, 'places' | 'inFlight' | 'pending'> & {
  readonly inFlight: Readonly<Record<EndpointId, number>>;
  readonly pending: Readonly<Record<EndpointId, number>>;
};

type Placed = Pick<LoadState, 'ids' | 'sidecars'>;

export function placedOf(sidecars: readonly NamedSidecar[]): Placed {
  const ids = [...new Set(sidecars.flatMap(({ inFlight }) => Object.keys(inFlight)))];
  return {
    ids,
    sidecars: sidecars.map(({ inFlight, pending, ...same }) => ({
      ...same,
      places: Object.keys(inFlight).map((id) => ids.indexOf(id)),
      inFlight: Object.values(inFlight),
      pending: Object.keys(inFlight).map((id) => pending[id] ?? 0),
    })),
  };
}

export function namedOf({ ids, sidecars }: Placed): readonly NamedSidecar[] {
  return sidecars.map(({ places, inFlight, pending, ...same }) => {
    const rows = places.map((place, i) => ({
      id: ids[place] as string,
      has: inFlight[i] ?? 0,
      waits: pending[i] ?? 0,
    }));
    return {
      ...same,
      inFlight: Object.fromEntries(rows.map(({ id, has }) => [id, has])),
      pending: Object.fromEntries(rows.filter(({ waits }) => waits > 0).map(({ id, waits }) => [id, waits])),
    };
  });
}

/** Completions and errors where there were any. */
export function arrivalsOf({
  ids,
  traffic,
}: ReportOutput): Readonly<Record<EndpointId, { done: number; errors: number }>> {
  return Object.fromEntries(
    traffic.flatMap(({ done, errors }, place) => (done + errors > 0 ? [[ids[place], { done, errors }]] : [])),
  );
}
