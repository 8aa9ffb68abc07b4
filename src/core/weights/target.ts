import type { EndpointLoad, ServiceLoad } from '../load/index.ts';
import type { Terms } from './decision.ts';
import { recentre, sharesOf } from './grid.ts';
import { healthFactor, rampFactor } from './health.ts';
import { preferences } from './preference.ts';

const MAX_LOG = 3;
const MAX_DEVIATION = 1.5;
/** No share below 4 % of an even one: a server that gets nothing can never show that it is well again. */
const FLOOR = 0.04;

export type TargetOptions = {
  readonly leastRequest: boolean;
  readonly maxWeightRatio: number;
  readonly warmupMs: number;
};

export type Target = {
  readonly terms: Terms;
  /** [out] log weight, mean 0. */
  readonly out: number;
  readonly share: number;
  /** [h f] */
  readonly factor: number;
  readonly clamps: readonly string[];
};

/**
 * [step 7] Deviation of each endpoint's log pressure from the mean, less how much fuller it is wanted. A bad endpoint is never
 * read as free capacity, and neither is the mean: its emptiness would make the others look full, and so bring it traffic after all.
 */
export function deviations(endpoints: readonly EndpointLoad[]): readonly number[] {
  const wanted = preferences(endpoints);
  const logs = endpoints.map(({ pressure }, i) => Math.log(Math.max(pressure, 1e-9)) - (wanted[i] as number));
  const well = logs.filter((_, i) => !endpoints[i]?.bad);
  const mean = well.reduce((sum, value) => sum + value, 0) / Math.max(1, well.length);
  const told = logs.map((value, i) => (endpoints[i]?.bad && well.length > 0 ? Math.max(value, mean) : value));
  return recentre(told).map((value, i) => {
    const limited = clampTo(value, MAX_DEVIATION);
    return endpoints[i]?.bad && limited < 0 ? 0 : limited;
  });
}

/**
 * [steps 9–11] Targets of the active endpoints: learned capacity, what speed adds, minus gain × deviation, what foreign work leaves, health
 * and ramp make the share; `least_request` divides weights by what is in flight, so the weight gets the in-flight that
 * belongs to the target share as a factor.
 */
export function targets(
  endpoints: readonly EndpointLoad[],
  load: ServiceLoad,
  filtered: readonly number[],
  gain: number,
  options: TargetOptions,
): readonly Target[] {
  const n = endpoints.length;
  const spread = Math.log(options.maxWeightRatio) / 2;
  const clamps = endpoints.map((): string[] => []);
  const wanted = preferences(endpoints);
  const capacity = endpoints.map(({ logCapacity }, i) => {
    const bounded = clampTo(logCapacity, spread);
    if (bounded !== logCapacity) clamps[i]?.push('MaxWeightRatio');
    return bounded;
  });
  const speed = capacity.map((own, i) => clampTo(own + (wanted[i] as number), spread) - own);
  const sumInFlight = endpoints.reduce((sum, { inFlight }) => sum + inFlight, 0);
  const sumSlots = endpoints.reduce((sum, { slots }) => sum + slots, 0);
  const foreign = endpoints.map(({ foreign: own, slots }) =>
    own > 0 ? Math.log(Math.min(1, Math.max(0.1, 1 - own / Math.max(1e-9, (sumInFlight * slots) / sumSlots)))) : 0,
  );
  const inFlight = filtered.map((deviation) => -gain * deviation);
  const steady = recentre(
    capacity.map((own, i) => own + (speed[i] as number) + (inFlight[i] as number) + (foreign[i] as number)),
  ).map((value, i) => {
    const bounded = clampTo(value, MAX_LOG);
    if (bounded !== value) clamps[i]?.push('Clamp3');
    return bounded;
  });
  const health = endpoints.map((endpoint) => healthFactor(endpoint, load.goodPressure));
  const ramp = endpoints.map((endpoint) => rampFactor(endpoint, options.warmupMs, load.goodPressure));
  const factor = health.map((value, i) => value * (ramp[i] as number));
  const floor = FLOOR / n;
  const shares = sharesOf(
    steady.map((value, i) => value + Math.log(factor[i] as number)),
    floor,
  );
  for (const [i, share] of shares.entries()) if (share <= floor * 1.0001) clamps[i]?.push('Floor');
  const forward = options.leastRequest ? feedForward(endpoints, load, factor, speed) : endpoints.map(() => 0);
  const out = recentre(shares.map((share, i) => Math.log(share) + (forward[i] as number)));
  return endpoints.map((_, i) => ({
    terms: {
      capacity: capacity[i] as number,
      speed: speed[i] as number,
      inFlight: inFlight[i] as number,
      foreign: foreign[i] as number,
      health: Math.log(health[i] as number),
      ramp: Math.log(ramp[i] as number),
      feedForward: forward[i] as number,
    },
    out: out[i] as number,
    share: shares[i] as number,
    factor: factor[i] as number,
    clamps: clamps[i] as string[],
  }));
}

/** [step 11] log(a* + 1), a* the in-flight per sidecar that each endpoint has at its target. */
function feedForward(
  endpoints: readonly EndpointLoad[],
  load: ServiceLoad,
  factor: readonly number[],
  speed: readonly number[],
): readonly number[] {
  const sidecars = Math.max(1, load.sidecars);
  const foreign = endpoints.map((endpoint) => endpoint.foreign / sidecars);
  const all = endpoints.reduce(
    (sum, { inFlightPerSidecar }, i) => sum + inFlightPerSidecar + (foreign[i] as number),
    0,
  );
  const room = endpoints.map(({ slots }, i) => slots * (factor[i] as number) * Math.exp(speed[i] as number));
  const sumRoom = room.reduce((sum, value) => sum + value, 0);
  return room.map((own, i) => {
    const target = (all * own) / Math.max(1e-9, sumRoom);
    return Math.log(Math.max(0.1 * target, target - (foreign[i] as number)) + 1);
  });
}

function clampTo(value: number, limit: number): number {
  return Math.min(limit, Math.max(-limit, value));
}
