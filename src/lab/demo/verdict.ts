/** What a lane is judged by, over the measured time. */
export type LaneResult = {
  readonly clientErrors: number;
  readonly goodputRatio: number;
  readonly firstTokenP99Ms: number | undefined;
  readonly phases: readonly { readonly name: string; readonly goodputRatio: number }[];
};

export type Verdict = { readonly verdict: 'Better' | 'Equal' | 'Worse'; readonly verdictBy: string };

/** Two lanes with the same arrivals differ by less than this from chance alone (live trial: sd 0.5 to 1.2 points). */
const GOODPUT_MARGIN = 0.01;
/** First-token p99 has a heavier tail, so it decides only when goodput does not, and only when clearly different. */
const P99_RATIO = 1.25;
/** A generator that is later than this at p99 measured its own machine. */
export const STARVED_LAG_MS = 100;

/**
 * Loadline's lane against the lane without it. Rules in order, the first that applies decides: a starved machine judges
 * nothing; client errors; goodput lost in any phase; goodput of the whole run; first-token p99.
 */
export function judge(leastRequest: LaneResult, loadline: LaneResult, generatorLagP99Ms: number): Verdict {
  if (generatorLagP99Ms > STARVED_LAG_MS) {
    return {
      verdict: 'Equal',
      verdictBy: `the machine was too starved to judge: arrivals were sent ${Math.round(generatorLagP99Ms)} ms late at p99`,
    };
  }
  if (loadline.clientErrors !== leastRequest.clientErrors) {
    return {
      verdict: loadline.clientErrors < leastRequest.clientErrors ? 'Better' : 'Worse',
      verdictBy: `client errors: ${loadline.clientErrors} against ${leastRequest.clientErrors}`,
    };
  }
  for (const [index, { name, goodputRatio }] of loadline.phases.entries()) {
    const other = leastRequest.phases[index]!.goodputRatio;
    if (goodputRatio < other - GOODPUT_MARGIN) {
      return { verdict: 'Worse', verdictBy: `goodput in phase ${name}: ${against(goodputRatio, other)}` };
    }
  }
  const gain = loadline.goodputRatio - leastRequest.goodputRatio;
  if (Math.abs(gain) > GOODPUT_MARGIN) {
    return {
      verdict: gain > 0 ? 'Better' : 'Worse',
      verdictBy: `goodput of the whole run: ${against(loadline.goodputRatio, leastRequest.goodputRatio)}`,
    };
  }
  const [own, other] = [loadline.firstTokenP99Ms, leastRequest.firstTokenP99Ms];
  if (own !== undefined && other !== undefined && Math.max(own / other, other / own) > P99_RATIO) {
    return {
      verdict: own < other ? 'Better' : 'Worse',
      verdictBy: `first-token p99: ${Math.round(own)} ms against ${Math.round(other)} ms, at equal goodput`,
    };
  }
  return {
    verdict: 'Equal',
    verdictBy: `goodput within a point (${against(loadline.goodputRatio, leastRequest.goodputRatio)}) and first-token p99 alike`,
  };
}

function against(own: number, other: number): string {
  return `${(own * 100).toFixed(1)} % against ${(other * 100).toFixed(1)} %`;
}
