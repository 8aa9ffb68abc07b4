import { own } from '../../base/units/index.ts';

/** Parts of a whole by zone, at least 0; '' stands for whoever names no zone in which there are servers. */
export type ByZone = Readonly<Record<string, number>>;

/**
 * Where the requests of the sidecars of one zone go, as parts by zone that sum to 1; empty where no zone has any capacity.
 *
 * `demand` is what part of all requests comes from each zone, `capacity` what part of them the law wants each zone to have. A zone
 * keeps its own requests as far as it has room, and what is too many for it goes to those that have room left, in proportion to
 * that. So each zone has exactly what the law wants it to have, summed over the senders, and no division with these sums keeps more
 * at home: a zone cannot keep more than min(demand, capacity).
 */
export function flowFrom(zone: string, demand: ByZone, capacity: ByZone): ReadonlyMap<string, number> {
  const [wanted, room] = [wholeOf(demand), wholeOf(capacity)];
  const flow = new Map<string, number>();
  if (room.sum <= 0) return flow;
  const wants = (one: string): number => (wanted.sum > 0 ? (own(demand, one) ?? 0) / wanted.sum : 0);
  const has = (one: string): number => (own(capacity, one) ?? 0) / room.sum;
  const stays = has(zone) === 0 ? 0 : Math.min(1, has(zone) / Math.max(wants(zone), 1e-12));
  const spares = room.zones.map((one) => Math.max(0, has(one) - wants(one)));
  const spare = spares.reduce((sum, one) => sum + one, 0);
  for (const [i, one] of room.zones.entries()) {
    // Where nothing is spare the demand is the capacity, and what does not stay is a rounding error.
    const away = (1 - stays) * (spare > 0 ? (spares[i] as number) / spare : has(one));
    flow.set(one, one === zone ? stays + away : away);
  }
  return flow;
}

/** What part of all requests stays in the zone that it comes from. */
export function localPart(demand: ByZone, capacity: ByZone): number {
  const [wanted, room] = [wholeOf(demand), wholeOf(capacity)];
  if (wanted.sum <= 0 || room.sum <= 0) return 0;
  return wanted.zones.reduce(
    (sum, zone) => sum + Math.min((demand[zone] as number) / wanted.sum, (own(capacity, zone) ?? 0) / room.sum),
    0,
  );
}

function wholeOf(parts: ByZone): { readonly zones: readonly string[]; readonly sum: number } {
  const zones = Object.keys(parts);
  return { zones, sum: zones.reduce((sum, zone) => sum + (parts[zone] as number), 0) };
}
