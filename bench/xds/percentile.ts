/** Nearest-rank percentile, `ratio` from 0 to 1; NaN of an empty list. */
export function percentile(values: ArrayLike<number>, ratio: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(sorted.length * ratio) - 1)] ?? Number.NaN;
}
