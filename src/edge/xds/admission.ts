/** Clients that are let in within one turn of the event loop; a fleet smaller than this never waits. */
const PER_TURN = 32;
/** Clients that may wait. Whoever comes then is told to come again later. */
const MAX_WAITING = 20_000;

/**
 * Lets new clients in a few at a time when a fleet comes back at once: what runs already (requests and pushes of those that
 * are in) gets its turn in between, and nobody is turned away while the queue has room. The order is that of arrival.
 */
export class AdmissionQueue {
  readonly #waiting: (() => void)[] = [];
  #thisTurn = 0;
  #scheduled = false;
  #stopped = false;

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Runs it now or later; false when there is no room. */
  enter(admit: () => void): boolean {
    if (this.#stopped || this.#waiting.length >= MAX_WAITING) return false;
    this.#schedule();
    if (this.#waiting.length === 0 && this.#thisTurn < PER_TURN) {
      this.#thisTurn += 1;
      admit();
    } else {
      this.#waiting.push(admit);
    }
    return true;
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.length = 0;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#thisTurn = 0;
      const batch = this.#waiting.splice(0, PER_TURN);
      this.#thisTurn = batch.length;
      if (batch.length > 0) this.#schedule();
      for (const admit of batch) admit();
    });
  }
}
