/** One request, as its client saw it. */
export type Request = {
  readonly arrivedMs: number;
  readonly outputTokens: number;
  /** Where it went; undefined when there was no server. */
  readonly host: number | undefined;
  firstTokenMs: number | undefined;
  finishedMs: number | undefined;
  failed: boolean;
};

/** What a run comes to. */
export type Outcome = {
  readonly requests: number;
  /** Share of the requests that met both promises, 0..1. */
  readonly goodput: number;
  readonly errors: number;
  readonly ttftP50Ms: number;
  readonly ttftP99Ms: number;
  readonly endToEndP99Ms: number;
  /** Time mean of the fullest server's requests per slot over the fleet's mean. */
  readonly imbalance: number;
  readonly pushesPerMin: number;
};

/** An outcome, and where the requests of each second went. */
export type Run = {
  readonly outcome: Outcome;
  /** By second of the run, by server. */
  readonly issued: readonly (readonly number[])[];
};

export function outcomeOf(
  requests: readonly Request[],
  input: {
    readonly warmUpMs: number;
    readonly durationMs: number;
    readonly slo: { readonly ttftMs: number; readonly tpotMs: number };
    readonly imbalances: readonly number[];
    readonly pushes: number;
  },
): Outcome {
  const { warmUpMs, durationMs, slo, imbalances, pushes } = input;
  const counted = requests.filter(({ arrivedMs }) => arrivedMs >= warmUpMs);
  const ttfts: number[] = [];
  const totals: number[] = [];
  let good = 0;
  let errors = 0;
  for (const { arrivedMs, outputTokens, firstTokenMs, finishedMs, failed } of counted) {
    if (failed) errors += 1;
    const ttftMs = failed || firstTokenMs === undefined ? Number.POSITIVE_INFINITY : firstTokenMs - arrivedMs;
    const done = !failed && firstTokenMs !== undefined && finishedMs !== undefined;
    const tpotMs = done ? (finishedMs - firstTokenMs) / Math.max(1, outputTokens - 1) : Number.POSITIVE_INFINITY;
    if (ttftMs <= slo.ttftMs && tpotMs <= slo.tpotMs) good += 1;
    if (failed) continue;
    ttfts.push(ttftMs);
    totals.push(done ? finishedMs - arrivedMs : Number.POSITIVE_INFINITY);
  }
  return {
    requests: counted.length,
    goodput: counted.length === 0 ? 1 : good / counted.length,
    errors,
    ttftP50Ms: percentile(ttfts, 0.5),
    ttftP99Ms: percentile(ttfts, 0.99),
    endToEndP99Ms: percentile(totals, 0.99),
    imbalance: imbalances.reduce((sum, one) => sum + one, 0) / Math.max(1, imbalances.length),
    pushesPerMin: pushes / ((durationMs - warmUpMs) / 60_000),
  };
}

/** Requests that each server was given in each second of the run. */
export function issuedPerSec(
  requests: readonly Request[],
  { servers, durationMs }: { readonly servers: number; readonly durationMs: number },
): readonly (readonly number[])[] {
  const seconds = Array.from({ length: Math.ceil(durationMs / 1000) }, () => new Array<number>(servers).fill(0));
  for (const { arrivedMs, host } of requests) {
    const second = seconds[Math.floor(arrivedMs / 1000)];
    if (host !== undefined && second !== undefined) second[host] = (second[host] as number) + 1;
  }
  return seconds;
}

function percentile(values: readonly number[], part: number): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] as number;
}
