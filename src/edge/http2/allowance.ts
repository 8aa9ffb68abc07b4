/** So much a peer may do at once, and so much a second for ever. */
export type AllowanceOptions = { readonly burst: number; readonly perSec: number };

const MAX_EARNED = 1_000_000;

/** A bucket of tokens for what costs us more than it costs the peer. */
export class Allowance {
  readonly #options: AllowanceOptions;
  #left: number;
  #atMs: number | undefined;

  constructor(options: AllowanceOptions) {
    this.#options = options;
    this.#left = options.burst;
  }

  /** False when there is nothing left. */
  take(nowMs: number): boolean {
    const { burst, perSec } = this.#options;
    const pastSec = this.#atMs === undefined ? 0 : (nowMs - this.#atMs) / 1000;
    // What was earned above the burst stays; time alone does not fill further than that.
    this.#left = Math.max(this.#left, Math.min(burst, this.#left + pastSec * perSec)) - 1;
    this.#atMs = nowMs;
    return this.#left >= 0;
  }

  /** For what the peer must do because of us. */
  earn(amount: number): void {
    this.#left = Math.min(MAX_EARNED, this.#left + amount);
  }
}
