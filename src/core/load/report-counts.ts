import { type EndpointIndex, type EndpointReport, type LoadReport, placeAt } from '../topology/index.ts';
import { addMeans, type OrcaSums } from './orca.ts';
import { MAX_REQUESTS, plausible } from './plausible.ts';

export type Counts = {
  /** Undefined: the report does not say. */
  inProgress: number | undefined;
  issued: number;
  succeeded: number;
  errors: number;
  orca: OrcaSums | undefined;
};

/**
 * What one load report after the other counts for one service, by place. One of these reads all reports of a tick: a report of
 * a large fleet has a thousand rows, and a tick takes one from every sidecar.
 */
export class ReportCounts {
  readonly #service: string;
  readonly #index: EndpointIndex;
  readonly #rows: (Counts & { fresh: boolean })[];
  #places: number[] = [];

  constructor(service: string, index: EndpointIndex) {
    this.#service = service;
    this.#index = index;
    this.#rows = index.endpoints.map(() => ({
      fresh: false,
      inProgress: undefined,
      issued: 0,
      succeeded: 0,
      errors: 0,
      orca: undefined,
    }));
  }

  /** Takes a report in place of the one before; false when it does not name the service. */
  read({ clusters }: LoadReport): boolean {
    for (const place of this.#places) this.take(place);
    this.#places = [];
    let named = false;
    for (const { cluster, endpoints } of clusters) {
      if (cluster !== this.#service) continue;
      named = true;
      for (const endpoint of endpoints) this.#add(endpoint);
    }
    return named;
  }

  /** Where the endpoints stand that the report names, in its order. */
  get places(): readonly number[] {
    return this.#places;
  }

  /** Whether a report can name an endpoint at this place: it has not left. */
  covers(place: number): boolean {
    return place < this.#rows.length;
  }

  /** What the report counts at a place, once; undefined when it does not name it, or when that was taken. */
  take(place: number): Counts | undefined {
    const row = this.#rows[place];
    if (!row?.fresh) return undefined;
    row.fresh = false;
    return row;
  }

  /** Localities may repeat an address: summed. A count that cannot be is none. */
  #add({ address, port, inProgress, issued, succeeded, errors, orca }: EndpointReport): void {
    const place = placeAt(this.#index, address, port);
    const row = this.#rows[place];
    if (row === undefined) return;
    if (!row.fresh) {
      this.#places.push(place);
      row.fresh = true;
      row.inProgress = undefined;
      row.issued = 0;
      row.succeeded = 0;
      row.errors = 0;
      row.orca = undefined;
    }
    const more = plausible(inProgress, 0, MAX_REQUESTS);
    if (more !== undefined) row.inProgress = (row.inProgress ?? 0) + more;
    row.issued += plausible(issued, 0, MAX_REQUESTS) ?? 0;
    row.succeeded += plausible(succeeded, 0, MAX_REQUESTS) ?? 0;
    row.errors += plausible(errors, 0, MAX_REQUESTS) ?? 0;
    row.orca = addMeans(row.orca, orca);
  }
}
