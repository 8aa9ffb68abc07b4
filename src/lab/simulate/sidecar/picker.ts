import type { Random } from '../../../base/units/index.ts';
import { EdfScheduler } from './edf-scheduler.ts';

export type LoadBalancer = 'RoundRobin' | 'LeastRequest';

/** Envoy's default `active_request_bias`. */
const BIAS = 1;

/**
 * How one worker of an Envoy picks (facts in `source/extensions/load_balancing_policies`): equal weights need no scheduler;
 * round robin is an index, least request the better of two draws with replacement. Unequal ones go through EDF, least request
 * with weight/(active+1) as it is when a host is put back.
 */
export class Picker {
  readonly #loadBalancer: LoadBalancer;
  readonly #random: Random;
  readonly #active: readonly number[];
  #weights: readonly number[];
  #members: readonly number[] = [];
  #edf: EdfScheduler | undefined;
  #index: number;

  /**
   * `active` is the Envoy's own count per host, shared by its workers and changed from outside. A host of weight 0 is not in
   * the cluster (Envoy itself has no such weight).
   */
  constructor(loadBalancer: LoadBalancer, weights: readonly number[], active: readonly number[], random: Random) {
    this.#loadBalancer = loadBalancer;
    this.#random = random;
    this.#active = active;
    this.#weights = weights;
    this.#index = Math.floor(random() * weights.length);
    this.refresh(weights);
  }

  /** New weights: the scheduler is built anew, at a random phase. */
  refresh(weights: readonly number[]): void {
    this.#weights = weights;
    // Each worker of each Envoy is refreshed at each push: with array methods this was a seventh of a simulation.
    const members: number[] = [];
    let equal = true;
    for (let host = 0; host < weights.length; host += 1) {
      if ((weights[host] as number) > 0) {
        members.push(host);
        equal &&= weights[host] === weights[members[0] as number];
      }
    }
    this.#members = members;
    this.#edf = equal ? undefined : new EdfScheduler(members, this.#weightOf, this.#random);
  }

  /** No host is in the cluster: then there is nothing to pick. */
  get empty(): boolean {
    return this.#members.length === 0;
  }

  pick(): number {
    if (this.#edf !== undefined) return this.#edf.pick();
    if (this.#loadBalancer === 'RoundRobin') {
      this.#index = (this.#index + 1) % this.#members.length;
      return this.#members[this.#index] as number;
    }
    const first = this.#draw();
    const second = this.#draw();
    return (this.#active[second] as number) < (this.#active[first] as number) ? second : first;
  }

  #draw(): number {
    return this.#members[Math.floor(this.#random() * this.#members.length)] as number;
  }

  readonly #weightOf = (host: number): number => {
    const weight = this.#weights[host] as number;
    return this.#loadBalancer === 'RoundRobin' ? weight : weight / ((this.#active[host] as number) + 1) ** BIAS;
  };
}
