import { type EndpointIndex, type EndpointReport, type LoadReport, NOWHERE, placeAt } from '../topology/index.ts';
import { addMeans, type OrcaSums } from './orca.ts';
import { MAX_REQUESTS, plausible } from './plausible.ts';

/**
 * What one load report after the other counts for one service, by place: a report of a large fleet has a thousand rows, and a
 * tick takes one from every sidecar. So the counts stand in columns, not in rows, and the columns of a list of endpoints serve
 * as long as the list does; see {@link reportCounts}.
 */
export class ReportCounts {
  readonly #index: EndpointIndex;
  readonly #named: Uint8Array;
  /** NaN: the report does not say. */
  readonly #inProgress: Float64Array;
  readonly #issued: Float64Array;
  readonly #succeeded: Float64Array;
  readonly #errors: Float64Array;
  /** Hardly any report has some. */
  readonly #orca = new Map<number, OrcaSums>();
  /**
   * Places that the report names, in its order; behind them those of the report before. Sidecars list the endpoints in the one
   * order that they were sent, so a row mostly stands where the same row of another report stood.
   */
  readonly #places: Int32Array;
  #count = 0;

  constructor(index: EndpointIndex) {
    const count = index.endpoints.length;
    this.#index = index;
    this.#named = new Uint8Array(count);
    this.#places = new Int32Array(count);
    for (let place = 0; place < count; place += 1) this.#places[place] = place;
    this.#inProgress = new Float64Array(count);
    this.#issued = new Float64Array(count);
    this.#succeeded = new Float64Array(count);
    this.#errors = new Float64Array(count);
  }

  /** Takes what a report says of a service in place of the report before; false when it does not name the service. */
  read({ clusters }: LoadReport, service: string): boolean {
    for (let i = 0; i < this.#count; i += 1) this.#named[this.#places[i] as number] = 0;
    this.#count = 0;
    if (this.#orca.size > 0) this.#orca.clear();
    let named = false;
    for (const { cluster, endpoints } of clusters) {
      if (cluster !== service) continue;
      named = true;
      for (const endpoint of endpoints) this.#add(endpoint);
    }
    return named;
  }

  /** How many endpoints the report names, and where they stand, in its order. */
  get count(): number {
    return this.#count;
  }

  placeAt(i: number): number {
    return this.#places[i] as number;
  }

  /** Whether a report can name an endpoint at this place: it has not left. */
  covers(place: number): boolean {
    return place < this.#named.length;
  }

  /** Whether the report names the endpoint at a place: says so once, the counts stay until the next report. */
  take(place: number): boolean {
    if (this.#named[place] !== 1) return false;
    this.#named[place] = 0;
    return true;
  }

  /** Requests in flight; undefined where the report does not say. */
  inProgress(place: number): number | undefined {
    const value = this.#inProgress[place] as number;
    return Number.isNaN(value) ? undefined : value;
  }

  issued(place: number): number {
    return this.#issued[place] as number;
  }

  succeeded(place: number): number {
    return this.#succeeded[place] as number;
  }

  errors(place: number): number {
    return this.#errors[place] as number;
  }

  orca(place: number): OrcaSums | undefined {
    return this.#orca.size === 0 ? undefined : this.#orca.get(place);
  }

  /** Localities may repeat an address: summed. A count that cannot be is none. */
  #add({ address, port, inProgress, issued, succeeded, errors, orca }: EndpointReport): void {
    const place = placeAt(this.#index, address, port, this.#places[this.#count]);
    if (place === NOWHERE) return;
    if (this.#named[place] === 0) {
      this.#places[this.#count] = place;
      this.#count += 1;
      this.#named[place] = 1;
      this.#inProgress[place] = plausible(inProgress, 0, MAX_REQUESTS) ?? Number.NaN;
      this.#issued[place] = counted(issued);
      this.#succeeded[place] = counted(succeeded);
      this.#errors[place] = counted(errors);
    } else {
      const more = plausible(inProgress, 0, MAX_REQUESTS);
      if (more !== undefined) this.#inProgress[place] = (this.inProgress(place) ?? 0) + more;
      this.#issued[place] = this.issued(place) + counted(issued);
      this.#succeeded[place] = this.succeeded(place) + counted(succeeded);
      this.#errors[place] = this.errors(place) + counted(errors);
    }
    if (orca === undefined) return;
    const sums = addMeans(this.#orca.get(place), orca);
    if (sums !== undefined) this.#orca.set(place, sums);
  }
}

function counted(value: number): number {
  return plausible(value, 0, MAX_REQUESTS) ?? 0;
}

const columns = new WeakMap<EndpointIndex, ReportCounts>();

/** Room for the reports about a list of endpoints, made once; what was read into it lasts until the next report is. */
export function reportCounts(index: EndpointIndex): ReportCounts {
  let counts = columns.get(index);
  if (counts === undefined) {
    counts = new ReportCounts(index);
    columns.set(index, counts);
  }
  return counts;
}
