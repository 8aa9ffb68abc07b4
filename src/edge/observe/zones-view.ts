import { own } from '../../base/units/index.ts';
import type { ModelService } from '../../core/policy/index.ts';
import { capacityOf, flowFrom, localPart } from '../../core/zones/index.ts';
import { decisionOf, type ViewInput } from './view-input.ts';

/** How the requests of a service that prefer their zone are divided between zones. */
export type ZonesView = {
  /** Part of all requests that is to stay in the zone of its sidecar, 0..1. */
  readonly plannedLocalRatio: number;
  /** The part that stayed of late; `null`: nobody has asked. */
  readonly measuredLocalRatio: number | null;
  /** By name; '' stands for sidecars in a zone without servers, and for servers without a zone. */
  readonly zones: readonly ZoneView[];
};

export type ZoneView = {
  readonly zone: string;
  /** Part of the requests that its sidecars send, and that its servers are to have. */
  readonly demandRatio: number;
  readonly capacityRatio: number;
  /** Part of its own requests that is to stay; `null`: it has no sidecars. */
  readonly localRatio: number | null;
};

/** `null` for a service whose requests go wherever the weights say, and before its first tick. */
export function zonesView(input: ViewInput, { name }: ModelService): ZonesView | null {
  const state = own(input.zones, name);
  if (state === undefined) return null;
  const { demand } = state.sent;
  // Of tiers and fixed splits, each pool for as much as it has of the service.
  const shares = new Map(decisionOf(input, name)?.endpoints.map(({ id, share }) => [id, share]));
  const parts = new Map<string, number>();
  for (const { id, pool } of own(input.plan?.endpoints, name) ?? [])
    parts.set(pool, (parts.get(pool) ?? 0) + (shares.get(id) ?? 0));
  const partOf = (pool: string): number => {
    const whole = Object.values(capacityOf(state.sent, [pool])).reduce((sum, share) => sum + share, 0);
    return whole > 0 ? (parts.get(pool) ?? 0) / whole : 0;
  };
  const capacity = capacityOf(state.sent, Object.keys(state.sent.capacity), partOf);
  const zones = [...new Set([...Object.keys(demand), ...Object.keys(capacity)])].sort();
  const asked = Object.values(state.asked).reduce((sum, count) => sum + count, 0);
  return {
    plannedLocalRatio: localPart(demand, capacity),
    measuredLocalRatio: asked > 0 ? Math.min(1, state.stayed / asked) : null,
    zones: zones.map((zone) => ({
      zone,
      demandRatio: own(demand, zone) ?? 0,
      capacityRatio: own(capacity, zone) ?? 0,
      localRatio: (own(demand, zone) ?? 0) > 0 ? (flowFrom(zone, demand, capacity).get(zone) ?? 0) : null,
    })),
  };
}
