import type { EndpointLoad } from '../load/index.ts';

/** What goes where, smoothed. */
export type Flow = {
  /** To both tiers together. */
  readonly issuedPerSec: number;
  /** By the next tier, from conservation: what was begun there, less what it has more than before. */
  readonly completedPerSec: number;
  /** Of the sidecars' own there: at the last tick, and smoothed as what is completed is. */
  readonly inFlight: number;
  readonly meanInFlight: number;
  /** Of a fading window: requests that the first tier should have had, and those that it had. */
  readonly expected: number;
  readonly had: number;
  /** What sidecars were told lately: they hear of it late, and tell late. */
  readonly told: readonly { readonly ageSec: number; readonly percent: number }[];
};

export const NO_FLOW: Flow = {
  issuedPerSec: 0,
  completedPerSec: 0,
  inFlight: 0,
  meanInFlight: 0,
  expected: 0,
  had: 0,
  told: [],
};

/** Long: what is completed goes into what is sent, and noise in it would be sent again. */
const RATE_TAU_SEC = 10;
/** From a decision until it is in the load reports. */
const TOLD_SEC = 4;
/** Fewer requests than that show nothing. */
const FEWEST_EXPECTED = 5;
/** Sidecars that give up a part of a tier leave it its share of the requests; below this part of them it is given up as a whole. */
const GIVEN_UP_RATIO = 0.25;

export type FlowInput = {
  readonly dtSec: number;
  readonly windowSec: number;
  /** Of the last tick. */
  readonly percent: number;
  /** Requests go to other tiers for another reason. */
  readonly diverted: boolean;
  readonly from: readonly EndpointLoad[];
  readonly to: readonly EndpointLoad[];
};

export function stepFlow(before: Flow, { dtSec, windowSec, percent, diverted, from, to }: FlowInput): Flow {
  const inFlight = sumOf(to, (one) => Math.max(0, one.inFlight - one.foreign));
  if (dtSec <= 0) return { ...before, inFlight };
  const [had, next] = [sumOf(from, (one) => one.issued), sumOf(to, (one) => one.issued)];
  const completed = Math.max(0, next - (inFlight - before.inFlight));
  const k = 1 - Math.exp(-dtSec / RATE_TAU_SEC);
  const keep = Math.exp(-dtSec / windowSec);
  const told = [
    { ageSec: 0, percent },
    ...before.told.map((one) => ({ ...one, ageSec: one.ageSec + dtSec })).filter(({ ageSec }) => ageSec <= TOLD_SEC),
  ];
  const most = Math.max(...told.map((one) => one.percent));
  return {
    issuedPerSec: before.issuedPerSec + k * ((had + next) / dtSec - before.issuedPerSec),
    completedPerSec: before.completedPerSec + k * (completed / dtSec - before.completedPerSec),
    inFlight,
    meanInFlight: before.meanInFlight + k * (inFlight - before.meanInFlight),
    expected: diverted ? 0 : before.expected * keep + (had + next) * (1 - most / 100),
    had: diverted ? 0 : before.had * keep + had,
    told,
  };
}

/** The sidecars send the first tier much less than they were told to: they hold it for dead. */
export function isGivenUp({ expected, had }: Flow): boolean {
  return expected >= FEWEST_EXPECTED && had < GIVEN_UP_RATIO * expected;
}

export function sumOf(loads: readonly EndpointLoad[], of: (load: EndpointLoad) => number): number {
  return loads.reduce((sum, load) => sum + of(load), 0);
}
