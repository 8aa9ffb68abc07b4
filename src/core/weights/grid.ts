/** Largest weight; what all have when they are equal, since Envoy's pick among two needs exactly equal weights. */
export const MAX_WEIGHT = 1000;
/** Steps of about 5 %: a smaller difference is no reason to restart Envoy's pick order. */
const STEP = 0.05;

/** [step 15] Log weights to integers 1..1000 on a grid, the largest 1000. */
export function toGrid(logs: readonly number[]): readonly number[] {
  const top = Math.max(...logs);
  return logs.map((log) => {
    const steps = Math.round((log - top) / STEP);
    return Math.min(MAX_WEIGHT, Math.max(1, Math.round(MAX_WEIGHT * Math.exp(steps * STEP))));
  });
}

/** Shifts values so that their mean is 0. */
export function recentre(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return values.map((value) => value - mean);
}

/** Shares that sum to 1, none below the floor (which is at most an even share). */
export function sharesOf(logs: readonly number[], floor: number): readonly number[] {
  const top = Math.max(...logs);
  const raw = logs.map((log) => Math.exp(log - top));
  const sum = raw.reduce((total, value) => total + value, 0);
  const shares = raw.map((value) => value / sum);
  // Who stands on the floor keeps it; the others give what that costs, in proportion, and may so come to stand there too.
  const low = new Set<number>();
  for (;;) {
    const high = shares.reduce((total, value, i) => total + (low.has(i) ? 0 : value), 0);
    const scale = high > 0 ? (1 - low.size * floor) / high : 1;
    const fallen = shares.flatMap((value, i) => (!low.has(i) && value * scale < floor ? [i] : []));
    if (fallen.length === 0) return shares.map((value, i) => (low.has(i) ? floor : value * scale));
    for (const i of fallen) low.add(i);
  }
}
