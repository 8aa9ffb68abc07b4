import type { Timers } from '../../../src/edge/signals/index.ts';

type Pending = { readonly atMs: number; readonly order: number; readonly callback: () => void };

/** A clock that moves only when a test says so. Timers fire in order of time, and promises settle between them. */
export class FakeTimers implements Timers {
  nowMs = 0;
  readonly clock = (): number => this.nowMs;
  #order = 0;
  readonly #pending = new Set<Pending>();

  get armed(): number {
    return this.#pending.size;
  }

  after(delayMs: number, callback: () => void): () => void {
    const pending = { atMs: this.nowMs + delayMs, order: this.#order++, callback };
    this.#pending.add(pending);
    return () => {
      this.#pending.delete(pending);
    };
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    for (;;) {
      await settle();
      const next = [...this.#pending]
        .filter(({ atMs }) => atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (next === undefined) break;
      this.#pending.delete(next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.callback();
    }
    this.nowMs = untilMs;
  }
}

/** Lets every promise that can settle without a timer or a socket settle. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
