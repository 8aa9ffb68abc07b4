/** One quantity of the server, sampled. */
export type Series = {
  readonly name: string;
  readonly unit: string;
  readonly atMs: readonly number[];
  readonly values: readonly number[];
};

/** How much a quantity may grow, over the time that was looked at, before it is worth a word. */
export type Tolerance = { readonly ratio: number; readonly amount: number };

export type Trend = {
  readonly name: string;
  readonly unit: string;
  readonly mean: number;
  readonly perHour: number;
  /** Standard error of the slope: samples scatter, and a short run extrapolates far. */
  readonly perHourError: number;
  /** By the slope, from the first sample to the last. */
  readonly growth: number;
  readonly allowed: number;
  readonly verdict: 'steady' | 'LEAK';
};

export const WARM_UP_RATIO: number = 1 / 3;
const HOUR_MS = 3_600_000;
/** A slope must be this many standard errors above zero: one of some hundred runs would cross three by chance. */
const ERRORS = 4;

/**
 * The slope by least squares behind the warm-up. A leak is a growth that is beyond chance and large enough to matter;
 * either alone is none: heaps wander, and any constant has some slope.
 */
export function trendOf({ name, unit, atMs, values }: Series, tolerance: Tolerance): Trend {
  const from = Math.floor(values.length * WARM_UP_RATIO);
  const xs = atMs.slice(from).map((ms) => ms / HOUR_MS);
  const ys = values.slice(from);
  if (xs.length < 3) throw new Error(`${name}: ${values.length} samples are too few`);
  const meanX = mean(xs);
  const meanY = mean(ys);
  const spread = sum(xs.map((x) => (x - meanX) ** 2));
  const perHour = sum(xs.map((x, at) => (x - meanX) * ((ys[at] as number) - meanY))) / spread;
  const rest = sum(xs.map((x, at) => ((ys[at] as number) - meanY - perHour * (x - meanX)) ** 2));
  const perHourError = Math.sqrt(rest / (xs.length - 2) / spread);
  const growth = perHour * ((xs.at(-1) as number) - (xs[0] as number));
  const allowed = Math.max(tolerance.amount, tolerance.ratio * meanY);
  const isLeak = growth > allowed && perHour > ERRORS * perHourError;
  return { name, unit, mean: meanY, perHour, perHourError, growth, allowed, verdict: isLeak ? 'LEAK' : 'steady' };
}

/** Of a quantity that is only looked at twice: behind the warm-up, and at the end. */
export function changeOf(
  { name, unit, first, last, hours }: Pick<Trend, 'name' | 'unit'> & Record<'first' | 'last' | 'hours', number>,
  tolerance: Tolerance,
): Trend {
  const growth = last - first;
  const meanOfTwo = (first + last) / 2;
  const allowed = Math.max(tolerance.amount, tolerance.ratio * meanOfTwo);
  const verdict = growth > allowed ? 'LEAK' : 'steady';
  return { name, unit, mean: meanOfTwo, perHour: growth / hours, perHourError: 0, growth, allowed, verdict };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
