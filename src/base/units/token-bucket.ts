/** So many at once, and so many a second after that. Times are milliseconds on any clock that does not go backwards. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perSec: number;
  #left: number;
  #atMs: number | undefined;

  constructor(burst: number, perSec: number) {
    this.#burst = burst;
    this.#perSec = perSec;
    this.#left = burst;
  }

  /** Takes one; false when there is none. */
  take(nowMs: number): boolean {
    const sinceMs = Math.max(0, nowMs - (this.#atMs ?? nowMs));
    this.#left = Math.min(this.#burst, this.#left + (sinceMs / 1000) * this.#perSec);
    this.#atMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
