/** Neighbouring bucket bounds differ by this ratio, so a percentile is at most half of it wrong. */
const GROWTH = 1.02;
const SMALLEST_MS = 0.1;
/** Up to ten minutes; longer ones count in the last bucket. */
const BUCKETS = Math.ceil(Math.log(600_000 / SMALLEST_MS) / Math.log(GROWTH)) + 2;

/**
 * Latencies in fixed memory (some 800 counters), so that a run of hours costs what a run of seconds costs. Percentiles
 * are within 1 % of the exact ones; mean and maximum are exact.
 */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count;
  }

  record(ms: number): void {
    const clean = Math.max(0, ms);
    this.#counts[bucketOf(clean)]! += 1;
    this.#count += 1;
    this.#sumMs += clean;
    this.#maxMs = Math.max(this.#maxMs, clean);
  }

  /** The smallest latency that at least `ratio` of the records do not exceed (nearest rank); undefined without records. */
  percentileMs(ratio: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil(ratio * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return Math.min(this.#maxMs, middleOf(bucket));
    }
    return this.#maxMs;
  }

  add(other: LatencyHistogram): void {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) this.#counts[bucket]! += other.#counts[bucket]!;
    this.#count += other.#count;
    this.#sumMs += other.#sumMs;
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
  }
}

/** Bucket 0 holds what is at most SMALLEST_MS. */
function bucketOf(ms: number): number {
  if (ms <= SMALLEST_MS) return 0;
  return Math.min(BUCKETS - 1, 1 + Math.floor(Math.log(ms / SMALLEST_MS) / Math.log(GROWTH)));
}

function middleOf(bucket: number): number {
  return bucket === 0 ? SMALLEST_MS : SMALLEST_MS * GROWTH ** (bucket - 0.5);
}
