/** Long enough to hold a quick message, short enough that two quartz clocks do not drift apart by more than some ms. */
const WINDOW_MS = 30_000;

/**
 * How much longer than usual a message was on its way. A stalled connection hands over old messages all at once, and their
 * ages are those of when they were sent. The two clocks are not compared: the quickest message of the last half minute to
 * a minute is what all are measured by.
 */
export class DelayMeter {
  #quickest = Number.POSITIVE_INFINITY;
  #quickestBefore = Number.POSITIVE_INFINITY;
  #windowFromMs = Number.NEGATIVE_INFINITY;

  /** `sentAtMs` on the sender's clock, `receivedAtMs` on ours; both only ever rise. */
  extraMs(sentAtMs: number, receivedAtMs: number): number {
    if (receivedAtMs - this.#windowFromMs > WINDOW_MS) {
      this.#quickestBefore = this.#quickest;
      this.#quickest = Number.POSITIVE_INFINITY;
      this.#windowFromMs = receivedAtMs;
    }
    const difference = receivedAtMs - sentAtMs;
    this.#quickest = Math.min(this.#quickest, difference);
    return difference - Math.min(this.#quickest, this.#quickestBefore);
  }
}
