import type { EndpointLoad, ServiceLoad } from '../load/index.ts';
import type { EndpointId } from '../topology/index.ts';
import { type Flow, sumOf } from './flow.ts';

/** The next tier is filled within so long: three times what passes from a decision until it shows, so that it is not overfilled. */
const FILL_SEC = 6;
/** Times what it completes: how long requests take there is known of those that it has alone. */
const MOST_AT_ONCE = 2;
/** Standard deviations of arrivals at random that are left free. */
const SPARE_DEVIATIONS = 4;

/** How much of the service's requests a tier can take, and what that is made of. */
export type Room = {
  readonly percent: number;
  /** It has no more in flight than it should. */
  readonly free: boolean;
  readonly words: string;
};

/**
 * What the next tier can hold: as many new requests as it completes, and what fills its free slots slowly. So it is known how long
 * they take there from what it completes, not guessed from the tier that they come from, which is slow. Arrivals come at random, so
 * a small tier keeps more of itself free than a large one. Who is known to be cold has no slots: a request would wait there.
 */
export function roomOf(
  flow: Flow,
  load: ServiceLoad,
  to: readonly EndpointLoad[],
  others: readonly EndpointLoad[],
  cold: ReadonlySet<EndpointId>,
): Room {
  const awake = to.filter(({ id }) => !cold.has(id));
  const slots = sumOf(awake, (one) => one.slots);
  const inFlight = sumOf(to, (one) => one.inFlight);
  const waiting = sumOf(to, (one) => one.waiting ?? 0);
  const known = awake.every(({ slotsKnown }) => slotsKnown) ? '' : ' (not all of its batch limits are known)';
  const words = `${inFlight.toFixed(0)} in flight for ${slots.toFixed(0)} slots${waiting > 0 ? `, ${waiting.toFixed(0)} of them wait` : ''}${known}`;
  // What waits in front of an engine says that it is full, whatever its slots are thought to be.
  const target = waiting > 0 ? Math.min(comfortable(slots), inFlight - waiting) : comfortable(slots);
  const free = inFlight <= target;
  if (load.loadReports === 'Silent') {
    const all = inFlight + sumOf(others, (one) => one.inFlight);
    return { percent: ratio(target, all) * 100, free, words };
  }
  const { completedPerSec, meanInFlight } = flow;
  const filled = completedPerSec + (target - inFlight) / FILL_SEC;
  // Short requests leave again before they fill anything: what it has in flight completes so many, so more in flight complete more.
  const scaled = completedPerSec * Math.min(MOST_AT_ONCE, target / Math.max(inFlight, meanInFlight, 1e-6));
  const perSec = Math.max(0, filled, scaled);
  return { percent: ratio(perSec, flow.issuedPerSec) * 100, free, words };
}

/** The mean of arrivals at random that hardly ever exceed the slots. */
export function comfortable(slots: number): number {
  const half = SPARE_DEVIATIONS / 2;
  return (Math.sqrt(slots + half * half) - half) ** 2;
}

function ratio(part: number, of: number): number {
  return of > 1e-6 ? Math.min(1, Math.max(0, part / of)) : 1;
}
