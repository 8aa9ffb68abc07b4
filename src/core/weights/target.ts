import type { EndpointLoad, ServiceLoad } from '../load/index.ts';
import type { Terms } from './decision.ts';
import { recentre, sharesOf } from './grid.ts';
import { healthFactor, rampFactor } from './health.ts';

const MAX_LOG = 3;
const MAX_DEVIATION = 1.5;
/** No share below 4 % of an even one: a server that gets nothing can never show that it is well again. */
const FLOOR = 0.04;

/**
 * An even load counts as so many requests at least: when a load ends, an engine page that is a moment older than the load reports
 * shows one or two too many, and of nearly nothing that would be nine tenths.
 */
const LEAST_EVEN_LOAD = 5;

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
export function deviations(endpoints: readonly EndpointLoad[], wanted: readonly number[]): readonly number[] {
  const logs = endpoints.map(({ pressure }, i) => Math.log(Math.max(pressure, 1e-9)) - (wanted[i] as number));
  let well = 0;
  let sum = 0;
  for (let i = 0; i < logs.length; i += 1) {
    if (endpoints[i]?.bad) continue;
    well += 1;
    sum += logs[i] as number;
  }
  const mean = sum / Math.max(1, well);
  const told = logs.map((value, i) => (endpoints[i]?.bad && well > 0 ? Math.max(value, mean) : value));
  return recentre(told).map((value, i) => {
    const limited = clampTo(value, MAX_DEVIATION);
    return endpoints[i]?.bad && limited < 0 ? 0 : limited;
  });
}

/** What the targets are made of beside the deviations of the moment, by place. A tick aims twice from one of these. */
export type Standing = {
  /** [lc] within the ratio that the policy allows, and whether that took something of it. */
  readonly capacity: readonly number[];
  readonly limited: readonly boolean[];
  readonly speed: readonly number[];
  readonly foreign: readonly number[];
  readonly health: readonly number[];
  readonly ramp: readonly number[];
  /** [h f] */
  readonly factor: readonly number[];
  readonly feedForward: readonly number[];
};

/** [steps 9-11] What is known of the active endpoints, as terms. `wanted`: how much fuller each is wanted (`preferences`). */
export function standingOf(
  endpoints: readonly EndpointLoad[],
  wanted: readonly number[],
  load: ServiceLoad,
  options: TargetOptions,
): Standing {
  const spread = Math.log(options.maxWeightRatio) / 2;
  const capacity = endpoints.map(({ logCapacity }) => clampTo(logCapacity, spread));
  const limited = endpoints.map(({ logCapacity }, i) => capacity[i] !== logCapacity);
  const speed = capacity.map((own, i) => clampTo(own + (wanted[i] as number), spread) - own);
  let sumInFlight = 0;
  let sumSlots = 0;
  for (const { inFlight, slots } of endpoints) {
    sumInFlight += inFlight;
    sumSlots += slots;
  }
  const foreign = endpoints.map(({ foreign: own, slots }) =>
    Math.log(Math.max(0.1, 1 - own / Math.max(LEAST_EVEN_LOAD, (sumInFlight * slots) / sumSlots))),
  );
  const health = endpoints.map((endpoint) => healthFactor(endpoint, load.goodPressure));
  const ramp = endpoints.map((endpoint) => rampFactor(endpoint, options.warmupMs, load.goodPressure));
  const factor = health.map((value, i) => value * (ramp[i] as number));
  const forward = options.leastRequest ? feedForward(endpoints, load, factor, speed) : endpoints.map(() => 0);
  return { capacity, limited, speed, foreign, health, ramp, factor, feedForward: forward };
}

/**
 * [steps 9–11] Targets of the active endpoints: learned capacity, what speed adds, minus gain × deviation, what foreign work leaves, health
 * and ramp make the share; `least_request` divides weights by what is in flight, so the weight gets the in-flight that
 * belongs to the target share as a factor.
 */
export function targets(standing: Standing, filtered: readonly number[], gain: number): readonly Target[] {
  const { capacity, limited, speed, foreign, health, ramp, factor, feedForward: forward } = standing;
  const inFlight = filtered.map((deviation) => -gain * deviation);
  const { steady, shares, out, floor } = aim(standing, inFlight);
  return out.map((own, i) => {
    const share = shares[i] as number;
    const held = Math.abs(steady[i] as number) > MAX_LOG;
    const low = share <= floor * 1.0001;
    return {
      terms: {
        capacity: capacity[i] as number,
        speed: speed[i] as number,
        inFlight: inFlight[i] as number,
        foreign: foreign[i] as number,
        health: Math.log(health[i] as number),
        ramp: Math.log(ramp[i] as number),
        feedForward: forward[i] as number,
      },
      out: own,
      share,
      factor: factor[i] as number,
      clamps: limited[i] || held || low ? clampsOf(limited[i] as boolean, held, low) : NO_CLAMPS,
    };
  });
}

/** The log weights without what the deviations of the moment add: what is left behind when the controller goes away. */
export function restingLogs(standing: Standing): readonly number[] {
  return aim(
    standing,
    standing.capacity.map(() => 0),
  ).out;
}

const NO_CLAMPS: readonly string[] = [];

function clampsOf(limited: boolean, held: boolean, low: boolean): readonly string[] {
  return [...(limited ? ['MaxWeightRatio'] : []), ...(held ? ['Clamp3'] : []), ...(low ? ['Floor'] : [])];
}

function aim({ capacity, speed, foreign, factor, feedForward: forward }: Standing, inFlight: readonly number[]) {
  const steady = recentre(
    capacity.map((own, i) => own + (speed[i] as number) + (inFlight[i] as number) + (foreign[i] as number)),
  );
  const floor = FLOOR / capacity.length;
  const shares = sharesOf(
    steady.map((value, i) => clampTo(value, MAX_LOG) + Math.log(factor[i] as number)),
    floor,
  );
  const out = recentre(shares.map((share, i) => Math.log(share) + (forward[i] as number)));
  return { steady, shares, out, floor };
}

/** [step 11] log(a* + 1), a* the in-flight per sidecar that each endpoint has at its target. */
function feedForward(
  endpoints: readonly EndpointLoad[],
  load: ServiceLoad,
  factor: readonly number[],
  speed: readonly number[],
): readonly number[] {
  const sidecars = Math.max(1, load.sidecars);
  const room = endpoints.map(({ slots }, i) => slots * (factor[i] as number) * Math.exp(speed[i] as number));
  let all = 0;
  let sumRoom = 0;
  for (let i = 0; i < room.length; i += 1) {
    const { inFlightPerSidecar, foreign } = endpoints[i] as EndpointLoad;
    all = all + inFlightPerSidecar + foreign / sidecars;
    sumRoom += room[i] as number;
  }
  return room.map((own, i) => {
    const target = (all * own) / Math.max(1e-9, sumRoom);
    const foreign = (endpoints[i] as EndpointLoad).foreign / sidecars;
    return Math.log(Math.max(0.1 * target, target - foreign) + 1);
  });
}

function clampTo(value: number, limit: number): number {
  return Math.min(limit, Math.max(-limit, value));
}
