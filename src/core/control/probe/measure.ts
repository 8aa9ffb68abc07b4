/**
 * What a probe saw in one tick: the requests that all and the probed endpoint were issued since the tick before, and the log
 * odds of its weight among all that this tick published.
 */
export type ProbeMoment = {
  readonly atMs: number;
  readonly issued: number;
  readonly all: number;
  readonly logOdds: number;
  /** In flight at the endpoint, per sidecar. */
  readonly inFlightPerSidecar: number;
};

/** A figure with the interval that holds it in 95 of 100 probes. */
export type Estimate = { readonly value: number; readonly low: number; readonly high: number };

export type ProbeMeasure = {
  /** From the tick that changed the weight to the time when half of the change is in the counts of the server. */
  readonly delaySec: Estimate;
  /** Change of the log odds of being issued a request, per change of the log odds of the weight: 1 is in proportion. */
  readonly gain: Estimate;
  /**
   * The gain that `least_request` has: it divides weights by requests in flight + 1, and more requests are more in flight, so
   * of a change a part comes back: (a + 1) / (2a + 1), a being in flight per sidecar.
   */
  readonly expectedGain: number;
  readonly inFlightPerSidecar: number;
  readonly requests: number;
};

const DELAY_STEP_SEC = 0.25;
const LONGEST_DELAY_SEC = 15;
/** Half of the 95 % quantiles of χ² with one and two degrees of freedom: how much less likely a value may be. */
const DROP_ONE = 1.92;
const DROP_BOTH = 3;
const ROUNDS = 25;

/**
 * Fits what was issued to what was sent: a request goes to the endpoint with log odds α + β × (log odds of its weight a delay
 * ago). β is the gain; a law that moves weights meanwhile is part of the data. Among many delays one always fits noise best, so
 * the gain is the mean over all delays by their likelihood, and its interval spans every delay that is likely together with it.
 * Counts that are wilder than chance widen the intervals, calmer ones (Envoy's schedule is even) do not narrow them. Undefined
 * when nothing can be told: the weight never moved, or nothing was issued.
 */
export function measureProbe(moments: readonly ProbeMoment[], leastRequest: boolean): ProbeMeasure | undefined {
  const requests = moments.slice(1).reduce((sum, { all }) => sum + all, 0);
  const spanSec =
    moments.length < 2 ? 0 : ((moments.at(-1) as ProbeMoment).atMs - (moments[0] as ProbeMoment).atMs) / 1000;
  const longest = Math.min(LONGEST_DELAY_SEC, spanSec / 4);
  const fits: (Fit & { readonly delaySec: number })[] = [];
  for (let delaySec = 0; delaySec <= longest; delaySec += DELAY_STEP_SEC) {
    const fit = fitAt(moments, delaySec);
    if (fit !== undefined) fits.push({ ...fit, delaySec });
  }
  const best = fits.reduce<(typeof fits)[number] | undefined>(
    (one, other) => (one === undefined || other.logLikelihood > one.logLikelihood ? other : one),
    undefined,
  );
  if (best === undefined) return undefined;
  const behind = fits.map(({ logLikelihood }) => (best.logLikelihood - logLikelihood) / best.dispersion);
  const likely = fits.filter((_, i) => (behind[i] as number) <= DROP_ONE);
  const chances = behind.map((drop) => Math.exp(-drop));
  const sum = chances.reduce((total, one) => total + one, 0);
  const sides = fits.flatMap(({ gain, error }, i) => {
    const room = DROP_BOTH - (behind[i] as number);
    const half = error * Math.sqrt(2 * best.dispersion * Math.max(0, room));
    return room < 0 ? [] : [gain - half, gain + half];
  });
  const a = moments.reduce((sum, one) => sum + one.inFlightPerSidecar, 0) / moments.length;
  return {
    delaySec: {
      value: best.delaySec,
      low: Math.min(...likely.map(({ delaySec }) => delaySec)),
      high: Math.max(...likely.map(({ delaySec }) => delaySec)),
    },
    gain: {
      value: fits.reduce((total, { gain }, i) => total + (gain * (chances[i] as number)) / sum, 0),
      low: Math.min(...sides),
      high: Math.max(...sides),
    },
    expectedGain: balancerGain(leastRequest, a),
    inFlightPerSidecar: a,
    requests,
  };
}

type Fit = {
  readonly gain: number;
  readonly error: number;
  readonly logLikelihood: number;
  /** Of the counts, over what chance allows; at least 1. */
  readonly dispersion: number;
};

type Row = { readonly k: number; readonly n: number; readonly x: number };

function fitAt(moments: readonly ProbeMoment[], delaySec: number): Fit | undefined {
  const rows = moments.slice(1).flatMap(({ atMs, issued: k, all: n }, i): Row[] => {
    const from = (moments[i] as ProbeMoment).atMs;
    return n > 0 ? [{ k, n, x: meanOdds(moments, from - delaySec * 1000, atMs - delaySec * 1000) }] : [];
  });
  const all = rows.reduce((sum, { n }) => sum + n, 0);
  const picked = rows.reduce((sum, { k }) => sum + k, 0);
  if (picked === 0 || picked === all) return undefined;
  const center = rows.reduce((sum, { n, x }) => sum + n * x, 0) / all;
  let alpha = Math.log(picked / (all - picked));
  let beta = 0;
  let information = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let [g0, g1, h00, h01, h11] = [0, 0, 0, 0, 0];
    for (const { k, n, x } of rows) {
      const p = chance(alpha + beta * (x - center));
      const w = n * p * (1 - p);
      const d = x - center;
      g0 += k - n * p;
      g1 += (k - n * p) * d;
      h00 += w;
      h01 += w * d;
      h11 += w * d * d;
    }
    const det = h00 * h11 - h01 * h01;
    information = det / h00;
    if (!(information > 1e-9)) return undefined;
    const [stepA, stepB] = [(h11 * g0 - h01 * g1) / det, (h00 * g1 - h01 * g0) / det];
    // Bounded: far from the answer the parabola of a likelihood leads astray.
    alpha += Math.max(-2, Math.min(2, stepA));
    beta += Math.max(-5, Math.min(5, stepB));
    if (Math.abs(stepA) + Math.abs(stepB) < 1e-9) break;
  }
  let [logLikelihood, squares] = [0, 0];
  for (const { k, n, x } of rows) {
    const p = chance(alpha + beta * (x - center));
    logLikelihood += k * Math.log(p) + (n - k) * Math.log(1 - p);
    squares += (k - n * p) ** 2 / (n * p * (1 - p));
  }
  const dispersion = Math.max(1, squares / Math.max(1, rows.length - 2));
  return { gain: beta, error: 1 / Math.sqrt(information), logLikelihood, dispersion };
}

/** Mean of what was in force between two times. A tick's weights are from then on; the first's also before. */
function meanOdds(moments: readonly ProbeMoment[], fromMs: number, toMs: number): number {
  let sum = 0;
  for (const [i, { atMs, logOdds }] of moments.entries()) {
    const begin = i === 0 ? Number.NEGATIVE_INFINITY : atMs;
    const end = moments[i + 1]?.atMs ?? Number.POSITIVE_INFINITY;
    sum += logOdds * Math.max(0, Math.min(toMs, end) - Math.max(fromMs, begin));
  }
  return toMs > fromMs ? sum / (toMs - fromMs) : 0;
}

function chance(logOdds: number): number {
  return Math.min(1 - 1e-12, Math.max(1e-12, 1 / (1 + Math.exp(-logOdds))));
}

/** The half width of the gain's interval that a probe promises, as a part of the gain: enough to tell it from none. */
const PRECISION = 0.7;

/** Requests of the whole service, in both holds together, that a step of this size takes to be seen well enough. */
export function neededRequests(share: number, stepRatio: number, gain: number): number {
  const variance = share * (1 - share) * Math.log(1 + stepRatio) ** 2;
  return variance > 0 ? Math.ceil((2 * DROP_BOTH) / (PRECISION * gain) ** 2 / variance) : Number.POSITIVE_INFINITY;
}

/** What a change of weight changes, where `least_request` divides it by `a` requests in flight + 1 (see {@link ProbeMeasure}). */
export function balancerGain(leastRequest: boolean, a: number): number {
  return leastRequest ? (a + 1) / (2 * a + 1) : 1;
}
