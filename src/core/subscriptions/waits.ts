import type { Wait } from './gates.ts';

/**
 * How long something is held back for a client that does not say what it should. An Envoy answers in milliseconds; one that
 * takes longer is stalled or does not use what we wait for, and must not keep its old configuration for ever.
 */
export const MAX_WAIT_MS = 5000;

/** Something that is held back. */
export type Waiting = {
  readonly typeUrl: string;
  readonly name: string;
  readonly reason: string;
  readonly sinceMs: number;
  /** The wait was in vain: it went out all the same. */
  readonly gaveUp: boolean;
};

/** The bounded waits of one stream, by what waits. */
export class Waits {
  readonly #waiting = new Map<string, Waiting & Wait>();

  /** Whether it may go now: there is nothing to wait for, or the wait is over. */
  over(typeUrl: string, name: string, wait: Wait | undefined, nowMs: number): boolean {
    if (wait === undefined && this.#waiting.size === 0) return true;
    const key = `${typeUrl}\n${name}`;
    if (wait === undefined) {
      this.#waiting.delete(key);
      return true;
    }
    const before = this.#waiting.get(key);
    // Another reason is progress, and has its own time.
    const anew = before === undefined || before.reason !== wait.reason;
    const sinceMs = anew ? nowMs : before.sinceMs;
    const gaveUp = (!anew && before.gaveUp) || (!wait.forGood && nowMs - sinceMs >= (wait.maxMs ?? MAX_WAIT_MS));
    if (anew || before.maxMs !== wait.maxMs || before.gaveUp !== gaveUp) {
      this.#waiting.set(key, { typeUrl, name, sinceMs, gaveUp, ...wait });
    }
    return gaveUp;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Forgets what waits no more: it is not wanted, was sent, or the client has what was missing. */
  keep(still: (waiting: Waiting) => boolean): void {
    for (const [key, waiting] of this.#waiting) if (!still(waiting)) this.#waiting.delete(key);
  }

  /** Whether something of the type waits, and for good. */
  of(typeUrl: string): { readonly forGood: boolean } | undefined {
    let found: { readonly forGood: boolean } | undefined;
    for (const waiting of this.#waiting.values()) {
      if (waiting.typeUrl !== typeUrl || waiting.gaveUp) continue;
      found = waiting;
      if (waiting.forGood) break;
    }
    return found;
  }

  all(): readonly Waiting[] {
    return [...this.#waiting.values()].map(({ forGood: _, maxMs: __, ...waiting }) => waiting);
  }

  /** When the next of them gives up. */
  nextWakeMs(): number | undefined {
    let next: number | undefined;
    for (const { sinceMs, gaveUp, forGood, maxMs = MAX_WAIT_MS } of this.#waiting.values()) {
      if (gaveUp || forGood) continue;
      if (next === undefined || sinceMs + maxMs < next) next = sinceMs + maxMs;
    }
    return next;
  }
}
