import { own } from '../../base/units/index.ts';
import { type Endpoint, indexEndpoints, type LoadReport, NOWHERE, placeAt } from '../topology/index.ts';
import type { ServiceDecision } from '../weights/index.ts';
import { type ByZone, flowFrom, localPart } from './zone-flow.ts';
import { capacityOf, type ZoneBalance, type ZoneState } from './zone-state.ts';

/** Seconds with requests after which a request counts 1/e: who asks changes slowly, and each change of it is a push. */
const FORGET_SEC = 20;
/** The law has smoothed its shares already; what is left is the noise of one tick. */
const CAPACITY_SEC = 3;
/** So many requests count what the number of sidecars in each zone says: all that is known before the first. */
const PRIOR_REQUESTS = 10;
/** Smaller errors are not worth a push: of what part of all requests a zone has too much or too little, and what part leaves home in vain. */
const LEAST_ERROR = 0.02;
const LEAST_LOSS = 0.05;

export type ZonesInput = {
  readonly service: string;
  readonly elapsedSec: number;
  readonly endpoints: readonly Endpoint[];
  /** Shares inside each balance, as the law has them. */
  readonly decision: ServiceDecision;
  /** Pools that are balanced with each other. */
  readonly balances: readonly (readonly string[])[];
  readonly reports: readonly LoadReport[];
  /** Zones of the sidecars that are given assignments of their zone, by node id. */
  readonly senders: ReadonlyMap<string, string>;
  /** An operator holds the weights, and so this. */
  readonly frozen: boolean;
};

/**
 * One tick of who asks and who should answer, by zone. The law knows nothing of it: it decides one share for each endpoint, and what
 * is decided here is only which sidecars' requests make up that share. What was given to sidecars stands until it is noticeably
 * wrong, or the law sends new weights anyway: each assignment that is sent restarts Envoy's pick order.
 */
export function stepZones(before: ZoneState | undefined, input: ZonesInput): ZoneState {
  const { decision, frozen, elapsedSec } = input;
  const { asked, stayed } = heard(before, input);
  const capacity = smoothed(before?.capacity, capacityNow(input), elapsedSec);
  const total = sumOf(asked);
  const now: ZoneBalance = { demand: demandOf(asked, total, input), capacity: rounded(capacity) };
  const state = (sent: ZoneBalance): ZoneState => ({ asked, stayed, capacity, sent });
  if (before === undefined) return state(now);
  if (frozen) return state(before.sent);
  const goesOutAnyway = decision.decidedAtMs === decision.atMs;
  return state(goesOutAnyway || isWrong(before.sent, now, input.balances, total) ? now : before.sent);
}

/** Requests of this tick on top of what is remembered. A time in which nobody asks teaches nothing, so nothing is forgotten in it. */
function heard(
  before: ZoneState | undefined,
  { service, elapsedSec, endpoints, reports, senders }: ZonesInput,
): Pick<ZoneState, 'asked' | 'stayed'> {
  const index = indexEndpoints(endpoints);
  const zones = zonesOf(endpoints);
  const came = new Map<string, number>();
  let home = 0;
  for (const { nodeId, clusters } of reports) {
    const sender = senders.get(nodeId);
    if (sender === undefined) continue;
    const zone = zones.has(sender) ? sender : '';
    let count = 0;
    let place = NOWHERE;
    for (const { cluster, endpoints: rows } of clusters) {
      if (cluster !== service) continue;
      for (const { address, port, issued } of rows) {
        if (!(Number.isFinite(issued) && issued > 0)) continue;
        count += issued;
        place = placeAt(index, address, port, place);
        if (place !== NOWHERE && (index.endpoints[place]?.zone ?? '') === zone) home += issued;
      }
    }
    if (count > 0) came.set(zone, (came.get(zone) ?? 0) + count);
  }
  if (came.size === 0) return { asked: before?.asked ?? {}, stayed: before?.stayed ?? 0 };
  const kept = Math.exp(-elapsedSec / FORGET_SEC);
  const asked = new Map(Object.entries(before?.asked ?? {}).map(([zone, count]) => [zone, count * kept]));
  for (const [zone, count] of came) asked.set(zone, (asked.get(zone) ?? 0) + count);
  // A zone that is gone is forgotten some day.
  const known = [...asked].filter(([, count]) => count >= 0.01);
  return { asked: sorted(known), stayed: (before?.stayed ?? 0) * kept + home };
}

/** With the number of sidecars in each zone as what is expected before anything is heard. */
function demandOf(asked: ByZone, total: number, { senders, endpoints }: ZonesInput): ByZone {
  const zones = zonesOf(endpoints);
  const parts = new Map(Object.entries(asked).map(([zone, count]) => [zone, count]));
  const each = senders.size === 0 ? 0 : PRIOR_REQUESTS / senders.size;
  for (const sender of senders.values()) {
    const zone = zones.has(sender) ? sender : '';
    parts.set(zone, (parts.get(zone) ?? 0) + each);
  }
  const all = total + each * senders.size;
  return all === 0 ? {} : sorted([...parts].map(([zone, part]) => [zone, round(part / all)]));
}

function capacityNow({ endpoints, decision }: ZonesInput): ZoneBalance['capacity'] {
  const shares = new Map(decision.endpoints.map(({ id, share, health }) => [id, health === 'Healthy' ? share : 0]));
  const pools = new Map<string, Map<string, number>>();
  for (const { id, pool, zone = '' } of endpoints) {
    const share = shares.get(id) ?? 0;
    if (share <= 0) continue;
    const inside = pools.get(pool) ?? new Map<string, number>();
    inside.set(zone, (inside.get(zone) ?? 0) + share);
    pools.set(pool, inside);
  }
  return sorted([...pools].map(([pool, inside]) => [pool, sorted([...inside])]));
}

/** Who comes or goes as a whole counts at once; what moves, smoothed. */
function smoothed(
  before: ZoneBalance['capacity'] | undefined,
  now: ZoneBalance['capacity'],
  elapsedSec: number,
): ZoneBalance['capacity'] {
  if (before === undefined || placesOf(before) !== placesOf(now)) return now;
  const gain = 1 - Math.exp(-elapsedSec / CAPACITY_SEC);
  return mapped(now, (share, pool, zone) => {
    const last = own(own(before, pool), zone) ?? share;
    return last + gain * (share - last);
  });
}

/**
 * Whether what sidecars have is noticeably not what they would be given now: a zone has too much or too little of a balance, or more
 * leaves home than need be. Of few requests a larger error is chance.
 */
function isWrong(
  sent: ZoneBalance,
  now: ZoneBalance,
  balances: readonly (readonly string[])[],
  requests: number,
): boolean {
  if (placesOf(sent.capacity) !== placesOf(now.capacity)) return true;
  // Also where it makes no difference yet: what is told of it would be of sidecars that are gone, or of nobody.
  if (Object.keys(sent.demand).join('\n') !== Object.keys(now.demand).join('\n')) return true;
  const chance = 1 / Math.sqrt(Math.max(1, requests));
  return balances.some((pools) => {
    const [had, wanted] = [capacityOf(sent, pools), capacityOf(now, pools)];
    const whole = sumOf(wanted);
    if (whole === 0) return false;
    const got = new Map<string, number>();
    let home = 0;
    for (const [zone, part] of Object.entries(now.demand)) {
      for (const [to, share] of flowFrom(zone, sent.demand, had)) {
        got.set(to, (got.get(to) ?? 0) + part * share);
        if (to === zone) home += part * share;
      }
    }
    const error = Object.entries(wanted).map(([zone, share]) => Math.abs((got.get(zone) ?? 0) - share / whole));
    const loss = localPart(now.demand, wanted) - home;
    return Math.max(0, ...error) > Math.max(LEAST_ERROR, chance) || loss > Math.max(LEAST_LOSS, chance);
  });
}

function zonesOf(endpoints: readonly Endpoint[]): ReadonlySet<string> {
  return new Set(endpoints.flatMap(({ zone }) => zone ?? []));
}

function placesOf(capacity: ZoneBalance['capacity']): string {
  return JSON.stringify(Object.entries(capacity).map(([pool, zones]) => [pool, Object.keys(zones)]));
}

function mapped(
  capacity: ZoneBalance['capacity'],
  made: (share: number, pool: string, zone: string) => number,
): ZoneBalance['capacity'] {
  return Object.fromEntries(
    Object.entries(capacity).map(([pool, zones]) => [
      pool,
      Object.fromEntries(Object.entries(zones).map(([zone, share]) => [zone, made(share, pool, zone)])),
    ]),
  );
}

function rounded(capacity: ZoneBalance['capacity']): ZoneBalance['capacity'] {
  return mapped(capacity, round);
}

/** Four digits say more than is ever known, and make texts that can be compared. A zone that has something keeps something. */
function round(part: number): number {
  return part <= 0 ? 0 : Math.max(1e-4, Math.round(part * 1e4) / 1e4);
}

function sorted<T>(entries: readonly (readonly [string, T])[]): Readonly<Record<string, T>> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function sumOf(parts: ByZone): number {
  return Object.values(parts).reduce((sum, part) => sum + part, 0);
}
