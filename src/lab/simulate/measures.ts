/** One request, as its client saw it; times count from the start of the run. */
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

/** What one server did of the requests that are counted. */
export type ServerFigures = { readonly requests: number; readonly good: number; readonly errors: number };

/** How things stood at the end of a second, by server. */
export type Moment = { readonly inFlight: readonly number[]; readonly weights: readonly number[] };

/** An outcome, and how it came about. */
export type Run = {
  readonly outcome: Outcome;
  /** By second of the run, by server. */
  readonly issued: readonly (readonly number[])[];
  readonly servers: readonly ServerFigures[];
  /** Part of the requests that went to another zone than that of their sidecar, where that takes time. */
  readonly crossedRatio: number;
  readonly seconds: readonly Moment[];
  /** When the law saw weights and in-flight chase each other. */
  readonly herdsAtMs: readonly number[];
};

type Slo = { readonly ttftMs: number; readonly tpotMs: number };

/** Whether it met both promises. */
function isGood({ arrivedMs, outputTokens, firstTokenMs, finishedMs, failed }: Request, slo: Slo): boolean {
  if (failed || firstTokenMs === undefined || finishedMs === undefined) return false;
  const tpotMs = (finishedMs - firstTokenMs) / Math.max(1, outputTokens - 1);
  return firstTokenMs - arrivedMs <= slo.ttftMs && tpotMs <= slo.tpotMs;
}

export function outcomeOf(
  requests: readonly Request[],
  input: {
    readonly warmUpMs: number;
    readonly durationMs: number;
    readonly slo: Slo;
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
  for (const request of counted) {
    const { arrivedMs, firstTokenMs, finishedMs, failed } = request;
    if (isGood(request, slo)) good += 1;
    if (failed) {
      errors += 1;
      continue;
    }
    const began = firstTokenMs !== undefined;
    ttfts.push(began ? firstTokenMs - arrivedMs : Number.POSITIVE_INFINITY);
    totals.push(began && finishedMs !== undefined ? finishedMs - arrivedMs : Number.POSITIVE_INFINITY);
  }
  const sortedTtfts = Float64Array.from(ttfts).sort();
  return {
    requests: counted.length,
    goodput: counted.length === 0 ? 1 : good / counted.length,
    errors,
    ttftP50Ms: percentile(sortedTtfts, 0.5),
    ttftP99Ms: percentile(sortedTtfts, 0.99),
    endToEndP99Ms: percentile(Float64Array.from(totals).sort(), 0.99),
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

export function serverFigures(
  requests: readonly Request[],
  { servers, warmUpMs, slo }: { readonly servers: number; readonly warmUpMs: number; readonly slo: Slo },
): readonly ServerFigures[] {
  const figures = Array.from({ length: servers }, () => ({ requests: 0, good: 0, errors: 0 }));
  for (const request of requests) {
    const of = request.host === undefined ? undefined : figures[request.host];
    if (of === undefined || request.arrivedMs < warmUpMs) continue;
    of.requests += 1;
    if (request.failed) of.errors += 1;
    if (isGood(request, slo)) of.good += 1;
  }
  return figures;
}

function percentile(sorted: Float64Array, part: number): number {
  if (sorted.length === 0) return 0;
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] as number;
}
