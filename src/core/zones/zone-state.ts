import type { ByZone } from './zone-flow.ts';

/** What the assignments of the zones are made of. It is in the Plan, so a restart sends the same bytes. */
export type ZoneBalance = {
  /** Part of the requests of the service by the zone of their sidecar; empty while nobody is known. */
  readonly demand: ByZone;
  /** By pool: what the law wants its endpoints to have, by their zone. Pools that are balanced together are on one scale. */
  readonly capacity: Readonly<Record<string, ByZone>>;
};

/** What is remembered of the zones of one service. Plain data: it is checkpointed as JSON. */
export type ZoneState = {
  /** Requests by the zone of their sidecar; older ones count less. */
  readonly asked: ByZone;
  /** Of these, the ones that went to a server of the same zone. */
  readonly stayed: number;
  /** Smoothed, as `ZoneBalance` has it. */
  readonly capacity: ZoneBalance['capacity'];
  /** What sidecars were given last. */
  readonly sent: ZoneBalance;
};

/** The capacity of several pools together. `partOf`: what one of a pool counts, where pools are not on one scale. */
export function capacityOf(
  { capacity }: Pick<ZoneBalance, 'capacity'>,
  pools: Iterable<string>,
  partOf: (pool: string) => number = () => 1,
): ByZone {
  const sums = new Map<string, number>();
  for (const pool of pools) {
    const zones = Object.hasOwn(capacity, pool) ? (capacity[pool] as ByZone) : {};
    for (const [zone, share] of Object.entries(zones)) sums.set(zone, (sums.get(zone) ?? 0) + share * partOf(pool));
  }
  return Object.fromEntries(sums);
}
