import type { Random } from '../../../base/units/index.ts';
import type { EndpointReport } from '../../../core/topology/index.ts';
import { type LoadBalancer, Picker } from './picker.ts';

type Counts = { issued: number; succeeded: number; errors: number };

export type Host = { readonly address: string; readonly port: number };

/** One Envoy: its workers' picks, and what it counts for its load reports. */
export class Sidecar {
  readonly id: string;
  readonly #hosts: readonly Host[];
  readonly #active: number[];
  readonly #pickers: readonly Picker[];
  readonly #random: Random;
  #counts: Counts[];

  constructor(
    id: string,
    hosts: readonly Host[],
    options: { loadBalancer: LoadBalancer; workers: number; random: Random },
  ) {
    const { loadBalancer, workers, random } = options;
    this.id = id;
    this.#hosts = hosts;
    this.#random = random;
    this.#active = hosts.map(() => 0);
    this.#counts = hosts.map(newCounts);
    const equal = hosts.map(() => 1);
    this.#pickers = Array.from({ length: workers }, () => new Picker(loadBalancer, equal, this.#active, random));
  }

  /** Takes a request and says where it goes. */
  pick(): number {
    const worker = this.#pickers.length === 1 ? 0 : Math.floor(this.#random() * this.#pickers.length);
    const host = (this.#pickers[worker] as Picker).pick();
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

  setWeights(weights: readonly number[]): void {
    for (const picker of this.#pickers) picker.refresh(weights);
  }

  /** Everything since the last one. Endpoints without anything are left out, as Envoy 1.40 does. */
  report(): readonly EndpointReport[] {
    const counts = this.#counts;
    this.#counts = this.#hosts.map(newCounts);
    return this.#hosts.flatMap(({ address, port }, host) => {
      const inProgress = this.#active[host] as number;
      const { issued, succeeded, errors } = counts[host] as Counts;
      if (inProgress === 0 && issued === 0 && succeeded === 0 && errors === 0) return [];
      return [{ address, port, inProgress, issued, succeeded, errors }];
    });
  }

  #countsOf(host: number): Counts {
    return this.#counts[host] as Counts;
  }
}

function newCounts(): Counts {
  return { issued: 0, succeeded: 0, errors: 0 };
}
