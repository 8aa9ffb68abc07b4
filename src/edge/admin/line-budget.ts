/** So many lines a minute; the next one says how many were left out. */
export class LineBudget {
  readonly #perMinute: number;
  #left: number;
  #atMs = 0;
  #suppressed = 0;

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
    this.#left = perMinute;
  }

  /** How many lines were left out since the last one; undefined: this one is left out too. */
  take(nowMs: number): number | undefined {
    this.#left = Math.min(this.#perMinute, this.#left + ((nowMs - this.#atMs) / 60_000) * this.#perMinute);
    this.#atMs = nowMs;
    if (this.#left < 1) {
      this.#suppressed += 1;
      return undefined;
    }
    this.#left -= 1;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}
