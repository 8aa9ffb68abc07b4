import { own } from '../../base/units/index.ts';
import type { Plan } from '../control/index.ts';
import type { ModelService } from '../policy/index.ts';
import { type ByZone, capacityOf, flowFrom } from '../zones/index.ts';

/** The servers of one zone in one priority of an assignment. */
export type Place = {
  readonly zone: string;
  readonly pools: readonly string[];
  /** Part of its servers that is not sent as draining, 0..1. */
  readonly takingRatio: number;
};

/** What all requests of a sidecar are divided into; a zone that is to have nothing of them keeps one of these. */
const PARTS = 10_000;
const DEFAULT_OVERPROVISIONING = 140;

/**
 * The weights of the zones of one priority, for sidecars of a zone: Envoy first chooses a zone by them, exactly and whatever is in
 * flight, and then a server in it by the weights of the law. (In the weights of the servers the preference would be lost on
 * `least_request`: it divides them by what is in flight, and so sends the more to other zones the fuller the own one is.)
 *
 * Never 0: while nobody in the other zones takes requests, with or without a controller, Envoy gives everything to the one that is left.
 */
export function zoneWeights(
  plan: Plan,
  service: ModelService,
  from: string,
  places: readonly Place[],
  overprovisioningFactor: number = DEFAULT_OVERPROVISIONING,
): readonly number[] {
  const { split, name } = service;
  const balance = own(plan.zones, name);
  const partOf = (pool: string): number => (split?.kind === 'Fixed' ? (split.weights[pool] ?? 0) : 1);
  const pools = new Set(places.flatMap((one) => one.pools));
  // Endpoints of several pools of a fixed split stand on one scale; one alone is all that there is.
  const capacity = balance === undefined ? {} : capacityOf(balance, pools, pools.size > 1 ? partOf : undefined);
  const known = (plan.endpoints[name] ?? []).some(({ zone = '' }) => zone === from);
  const flow = flowFrom(known ? from : '', balance?.demand ?? {}, hasAny(capacity) ? capacity : evenly(places));
  return places.map(({ zone, takingRatio }) => {
    // Envoy counts a zone for less when too few of its servers take requests. The law has counted with them already.
    const counted = Math.min(1, (overprovisioningFactor / 100) * takingRatio);
    return Math.max(1, Math.round((PARTS * (flow.get(zone) ?? 0)) / (counted > 0 ? counted : 1)));
  });
}

/** Before anything is decided, and where nobody takes requests. */
function evenly(places: readonly Place[]): ByZone {
  return Object.fromEntries(places.map(({ zone }) => [zone, 1]));
}

function hasAny(capacity: ByZone): boolean {
  return Object.values(capacity).some((share) => share > 0);
}
