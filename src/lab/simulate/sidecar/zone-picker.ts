import type { Random } from '../../../base/units/index.ts';
import { EdfScheduler } from './edf-scheduler.ts';
import { type LoadBalancer, Picker } from './picker.ts';

/** What an Envoy was given: weights of its hosts, and of the zones that they are in where zones are chosen first. */
export type Given = {
  readonly weights: readonly number[];
  /** By the number of the zone. */
  readonly zones?: readonly number[];
};

type Options = {
  readonly loadBalancer: LoadBalancer;
  /** By host; absent: there is one. */
  readonly zoneOf: readonly number[] | undefined;
  readonly active: readonly number[];
  readonly random: Random;
};

/**
 * How one worker picks with `locality_weighted_lb_config`: first a zone, by weight alone, then a host in it. A zone without a host
 * is none.
 */
export class ZonePicker {
  readonly #options: Options;
  readonly #all: Picker;
  readonly #inside: Picker[] = [];
  #zones: EdfScheduler | undefined;

  constructor(given: Given, options: Options) {
    const { loadBalancer, active, random } = options;
    this.#options = options;
    this.#all = new Picker(loadBalancer, given.weights, active, random);
    if (given.zones !== undefined) this.#refreshZones(given);
  }

  refresh(given: Given): void {
    if (given.zones === undefined) {
      this.#zones = undefined;
      this.#all.refresh(given.weights);
    } else this.#refreshZones(given);
  }

  get empty(): boolean {
    return this.#zones === undefined && this.#all.empty;
  }

  pick(): number {
    return this.#zones === undefined ? this.#all.pick() : (this.#inside[this.#zones.pick()] as Picker).pick();
  }

  #refreshZones({ weights, zones = [] }: Given): void {
    const { loadBalancer, active, random, zoneOf = [] } = this.#options;
    const taking: number[] = [];
    for (let zone = 0; zone < zones.length; zone += 1) {
      const own = weights.map((weight, host) => (zoneOf[host] === zone ? weight : 0));
      const picker = this.#inside[zone];
      if (picker === undefined) this.#inside[zone] = new Picker(loadBalancer, own, active, random);
      else picker.refresh(own);
      if (this.#inside[zone]?.empty === false) taking.push(zone);
    }
    this.#all.refresh(weights);
    this.#zones = taking.length === 0 ? undefined : new EdfScheduler(taking, (zone) => zones[zone] as number, random);
  }
}
