/** Median; the mean of the two middle values when their number is even. Undefined of nothing. */
export function median(values: readonly number[]): number | undefined {
  const sorted = ascending(values);
  const lower = sorted[(sorted.length - 1) >> 1];
  const upper = sorted[sorted.length >> 1];
  return lower === undefined || upper === undefined ? undefined : (lower + upper) / 2;
}

/** The value at a fraction (0..1) of the sorted values, rounded down: 0.5 is the lower median. */
export function quantile(values: readonly number[], fraction: number): number | undefined {
  return ascending(values)[Math.floor(fraction * (values.length - 1))];
}

export function upperMedian(values: readonly number[]): number | undefined {
  return ascending(values)[values.length >> 1];
}

/** Mostly they are in order already: ages of reports that came together, slots that all learned alike. */
function ascending(values: readonly number[]): readonly number[] {
  for (let i = 1; i < values.length; i += 1) {
    if (!((values[i - 1] as number) <= (values[i] as number))) return [...values].sort((a, b) => a - b);
  }
  return values;
}
