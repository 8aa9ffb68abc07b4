import type { Random } from '../../../base/units/index.ts';
import type { EndpointReport } from '../../../core/topology/index.ts';
import { ClientSideWeights, type OrcaReport } from './client-side-weights.ts';
import type { LoadBalancer } from './picker.ts';
import { type Given, ZonePicker } from './zone-picker.ts';

type Counts = { issued: number; succeeded: number; errors: number };

export type Host = { readonly address: string; readonly port: number };

export type SidecarOptions = {
  readonly loadBalancer: LoadBalancer;
  readonly workers: number;
  readonly random: Random;
  /** Number of the zone of each host, where there are zones. */
  readonly zoneOf?: readonly number[] | undefined;
  /** It makes its own weights of what servers say of themselves. */
  readonly clientSide: boolean;
};

/** One Envoy: its workers' picks, and what it counts for its load reports. */
export class Sidecar {
  readonly id: string;
  readonly #hosts: readonly Host[];
  readonly #active: number[];
  readonly #pickers: readonly ZonePicker[];
  readonly #random: Random;
  readonly #own: ClientSideWeights | undefined;
  /** As pushed, and as used. */
  #given: readonly number[];
  #weights: readonly number[];
  readonly #counts: readonly Counts[];

  /** `given` is what it is given first; a host of weight 0 is not in the cluster. */
  constructor(id: string, hosts: readonly Host[], given: Given, options: SidecarOptions) {
    const { loadBalancer, workers, random, clientSide, zoneOf } = options;
    const { weights } = given;
    this.id = id;
    this.#hosts = hosts;
    this.#random = random;
    this.#active = hosts.map(() => 0);
    this.#counts = hosts.map(newCounts);
    this.#given = weights;
    this.#weights = weights;
    this.#own = clientSide ? new ClientSideWeights(hosts.length) : undefined;
    this.#pickers = Array.from(
      { length: workers },
      () => new ZonePicker(given, { loadBalancer, zoneOf, active: this.#active, random }),
    );
  }

  /** Takes a request and says where it goes; undefined when there is no host. */
  pick(): number | undefined {
    const worker = this.#pickers.length === 1 ? 0 : Math.floor(this.#random() * this.#pickers.length);
    const picker = this.#pickers[worker] as ZonePicker;
    if (picker.empty) return undefined;
    const host = picker.pick();
    this.#active[host] = (this.#active[host] as number) + 1;
    this.#countsOf(host).issued += 1;
    return host;
  }

  /** Response headers came: what Envoy reports as success (facts/envoy-live.md item 12). */
  headers(host: number): void {
    this.#countsOf(host).succeeded += 1;
  }

  /** The response is complete. */
  finished(host: number): void {
    this.#active[host] = (this.#active[host] as number) - 1;
  }

  failed(host: number): void {
    this.#countsOf(host).errors += 1;
    this.finished(host);
  }

  setWeights(given: Given): void {
    const { weights } = given;
    this.#given = weights;
    // Its own stay until it weighs again; only who is in the cluster counts at once.
    if (this.#own === undefined) this.#refresh(given);
    else this.#refresh({ weights: weights.map((weight, host) => (weight === 0 ? 0 : this.#weights[host] || 1)) });
  }

  /** A response said how its server does. */
  orca(host: number, report: OrcaReport, nowMs: number): void {
    this.#own?.report(host, report, nowMs);
  }

  /** Once a second it weighs the hosts anew, where it does so itself. */
  weigh(nowMs: number): void {
    if (this.#own === undefined) return;
    const own = this.#own.weights(nowMs);
    const weights = this.#given.map((weight, host) => (weight === 0 ? 0 : (own[host] as number)));
    if (weights.some((weight, host) => weight !== this.#weights[host])) this.#refresh({ weights });
  }

  /**
   * Everything since the last one. Endpoints without anything are left out, as Envoy 1.40 does; with `omitBusy` also those that
   * have nothing but requests under way, as Envoy 1.36 does.
   */
  report(omitBusy: boolean): readonly EndpointReport[] {
    const reports: EndpointReport[] = [];
    for (const [host, { address, port }] of this.#hosts.entries()) {
      const inProgress = this.#active[host] as number;
      const counts = this.#countsOf(host);
      const { issued, succeeded, errors } = counts;
      const idle = issued === 0 && succeeded === 0 && errors === 0;
      if (idle && (omitBusy || inProgress === 0)) continue;
      reports.push({ address, port, inProgress, issued, succeeded, errors });
      counts.issued = 0;
      counts.succeeded = 0;
      counts.errors = 0;
    }
    return reports;
  }

  #refresh(given: Given): void {
    this.#weights = given.weights;
    for (const picker of this.#pickers) picker.refresh(given);
  }

  #countsOf(host: number): Counts {
    return this.#counts[host] as Counts;
  }
}

function newCounts(): Counts {
  return { issued: 0, succeeded: 0, errors: 0 };
}
