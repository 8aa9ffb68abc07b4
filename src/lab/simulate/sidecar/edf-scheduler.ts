import type { Random } from '../../../base/units/index.ts';

type Entry = { readonly host: number; deadline: number; order: number };

/** Envoy draws up to this many picks that it pretends to have made (`EdfScheduler::createWithPicks`). */
const MAX_START_PICKS = 429_496_729;

/**
 * Envoy's earliest-deadline-first scheduler (`source/extensions/load_balancing_policies/common/edf_scheduler.h`): a host comes
 * up after 1/weight, and its weight is read again when it is put back. It starts as if it had picked many times already, so
 * that a rebuild does not prefer heavy hosts.
 */
export class EdfScheduler {
  readonly #entries: Entry[];
  readonly #weightOf: (host: number) => number;
  #order = 0;
  #time = 0;

  constructor(hosts: readonly number[], weightOf: (host: number) => number, random: Random) {
    this.#weightOf = weightOf;
    // One scheduler for each worker at each push, hence plain loops. Nothing is picked while it starts: weights stand still.
    let sum = 0;
    for (const host of hosts) sum += weightOf(host);
    const picks = Math.floor(random() * MAX_START_PICKS);
    let made = 0;
    this.#entries = [];
    for (const host of hosts) {
      const weight = weightOf(host);
      const floor = Math.floor((picks * weight) / sum);
      made += floor;
      this.#entries.push({ host, deadline: (floor + 1) / weight, order: this.#next() });
    }
    // The picks that rounding has left, one by one.
    for (; made < picks; made += 1) this.pick();
  }

  /** The next host. */
  pick(): number {
    const entry = this.#first();
    this.#time = entry.deadline;
    entry.deadline = this.#time + 1 / this.#weightOf(entry.host);
    entry.order = this.#next();
    return entry.host;
  }

  /** Fleets are small: a look at each is as fast as a heap. */
  #first(): Entry {
    const entries = this.#entries;
    let first = entries[0] as Entry;
    for (let at = 1; at < entries.length; at += 1) {
      const entry = entries[at] as Entry;
      if (entry.deadline < first.deadline || (entry.deadline === first.deadline && entry.order < first.order))
        first = entry;
    }
    return first;
  }

  #next(): number {
    this.#order += 1;
    return this.#order;
  }
}
