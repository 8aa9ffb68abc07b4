/** Largest weight; what all have when they are equal, since Envoy's pick among two needs exactly equal weights. */
export const MAX_WEIGHT = 1000;
/** Steps of about 5 %: a smaller difference is no reason to restart Envoy's pick order. */
const STEP = 0.05;

/** [step 15] Log weights to integers 1..1000 on a grid, the largest 1000. */
export function toGrid(logs: readonly number[]): readonly number[] {
  const top = largest(logs);
  return logs.map((log) => {
    const steps = Math.round((log - top) / STEP);
    return Math.min(MAX_WEIGHT, Math.max(1, Math.round(MAX_WEIGHT * Math.exp(steps * STEP))));
  });
}

/** Shifts values so that their mean is 0. */
export function recentre(values: readonly number[]): number[] {
  const mean = sumOf(values) / Math.max(1, values.length);
  return values.map((value) => value - mean);
}

/** Shares that sum to 1, none below the floor (which is at most an even share). */
export function sharesOf(logs: readonly number[], floor: number): readonly number[] {
  const top = largest(logs);
  const raw = logs.map((log) => Math.exp(log - top));
  const sum = sumOf(raw);
  const shares = raw.map((value) => value / sum);
  // Who stands on the floor keeps it; the others give what that costs, in proportion, and may so come to stand there too.
  const low = shares.map(() => false);
  let count = 0;
  for (;;) {
    let high = 0;
    for (let i = 0; i < shares.length; i += 1) if (!low[i]) high += shares[i] as number;
    const scale = (1 - count * floor) / high;
    const stood = count;
    for (let i = 0; i < shares.length; i += 1) {
      if (low[i] || (shares[i] as number) * scale >= floor) continue;
      low[i] = true;
      count += 1;
    }
    if (count === stood) return shares.map((value, i) => (low[i] ? floor : value * scale));
  }
}

function sumOf(values: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i] as number;
  return sum;
}

function largest(values: readonly number[]): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i += 1) most = Math.max(most, values[i] as number);
  return most;
}
