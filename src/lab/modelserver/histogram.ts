/** Cumulative counts by upper bound, with sum and count, as Prometheus has them. */
export class Histogram {
  readonly bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Array<number>(bounds.length).fill(0);
  }

  /** `times` equal observations at once. */
  observe(value: number, times = 1): void {
    this.#sum += value * times;
    this.#count += times;
    for (let at = 0; at < this.bounds.length; at += 1) {
      if (value > (this.bounds[at] as number)) continue;
      this.#counts[at] = (this.#counts[at] as number) + times;
      return;
    }
  }

  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#count;
  }

  /** One number for each bound: how many observations were at most that. */
  cumulative(): readonly number[] {
    let total = 0;
    return this.#counts.map((count) => {
      total += count;
      return total;
    });
  }
}
