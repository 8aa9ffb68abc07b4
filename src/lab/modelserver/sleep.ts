/** When a server goes to sleep, and how long it takes to wake up. */
type SleepTimes = { readonly afterMs: number; readonly wakeMs: number };

/**
 * A server that goes to sleep when it has nothing to do: weights that were moved out of the GPU, a container that was scaled to
 * nothing, caches that others have taken. The first request wakes it, and whatever comes meanwhile waits as well.
 */
export class Sleep {
  #times: SleepTimes | undefined;
  #workedMs: number;
  #awakeMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: number) {
    this.#workedMs = nowMs;
  }

  /** Undefined: it never sleeps, and is awake now. */
  set(times: SleepTimes | undefined): void {
    this.#times = times;
    if (times === undefined) this.#awakeMs = Number.NEGATIVE_INFINITY;
  }

  /** How long a request that comes now waits before the engine hears of it. */
  waitMs(nowMs: number): number {
    const times = this.#times;
    if (times === undefined) return 0;
    if (nowMs >= this.#awakeMs && nowMs - this.#workedMs >= times.afterMs) this.#awakeMs = nowMs + times.wakeMs;
    this.worked(nowMs);
    return Math.max(0, this.#awakeMs - nowMs);
  }

  worked(nowMs: number): void {
    this.#workedMs = Math.max(this.#workedMs, nowMs, this.#awakeMs);
  }
}
