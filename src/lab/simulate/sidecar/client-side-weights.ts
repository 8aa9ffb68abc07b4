/** What a server says of itself with a response (ORCA `rps_fractional`, `application_utilization`, `eps`). */
export type OrcaReport = { readonly rps: number; readonly utilRatio: number; readonly eps: number };

const BLACKOUT_MS = 10_000;
const EXPIRATION_MS = 180_000;
const ERROR_PENALTY = 1;
/**
 * Envoy cuts a weight to a whole number, and a model server answers few requests a second. Not to have that decide, our servers
 * are taken to count a hundred for each: kinder to this policy than any server that there is.
 */
const REQUEST_UNITS = 100;

type Known = { weight: number; readonly sinceMs: number; atMs: number };

/**
 * The weights of Envoy's `client_side_weighted_round_robin`, as one Envoy sees them
 * (`source/extensions/load_balancing_policies/client_side_weighted_round_robin`): requests per second over utilisation, plus
 * the share of errors; nothing of a host in its first ten seconds, and the median for whoever has no weight.
 */
export class ClientSideWeights {
  readonly #known: (Known | undefined)[];

  constructor(hosts: number) {
    this.#known = Array.from({ length: hosts }, () => undefined);
  }

  report(host: number, { rps, utilRatio, eps }: OrcaReport, nowMs: number): void {
    if (rps <= 0) return;
    const utilisation = utilRatio + (ERROR_PENALTY * eps) / rps;
    if (utilisation <= 0) return;
    const weight = Math.max(1, Math.floor((REQUEST_UNITS * rps) / utilisation));
    this.#known[host] = { weight, sinceMs: this.#known[host]?.sinceMs ?? nowMs, atMs: nowMs };
  }

  weights(nowMs: number): readonly number[] {
    const valid = this.#known.map((known) =>
      known !== undefined && nowMs - known.sinceMs >= BLACKOUT_MS && nowMs - known.atMs <= EXPIRATION_MS
        ? known.weight
        : undefined,
    );
    const usual = medianWeight(valid.filter((weight) => weight !== undefined));
    return valid.map((weight) => weight ?? usual);
  }
}

function medianWeight(weights: readonly number[]): number {
  if (weights.length === 0) return 1;
  const sorted = [...weights].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : Math.floor(((sorted[middle - 1] as number) + upper) / 2);
}
