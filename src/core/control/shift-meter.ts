import type { EndpointLoad } from '../load/index.ts';
import type { EndpointId } from '../topology/index.ts';
import type { ServiceDecision } from '../weights/index.ts';
import { type Moment, type Shift, shiftOf } from './shift.ts';

/** A target share that is away from where it rested by more than a quarter, on two ticks, is on its way. */
const SENSED = Math.log(1.25);
const SENSED_TICKS = 2;
/** A share has rested when it was watched for so long. */
const REST_MS = 8000;
/** A target that moved by less than 5 % over so long has arrived, and what is issued gets so long to follow it. */
const SETTLED = Math.log(1.05);
const SETTLED_MS = 8000;
const FOLLOW_MS = 20_000;
/** Whatever has not arrived by then is told as it is. */
const LONGEST_MS = 120_000;
/** A share that is back where it rested has not shifted. */
const LEAST_SHIFT = Math.log(1.15);

type Watched = {
  /** Oldest first; while it rests, of the last seconds. */
  moments: Moment[];
  away: number;
  /** Where it rested, and when it was first seen to have left. */
  moving: { readonly rest: number; readonly sensedAtMs: number; decidedAtMs: number | undefined } | undefined;
};

export type ShiftInput = {
  readonly nowMs: number;
  readonly decision: ServiceDecision;
  /** In the order of the decision. */
  readonly endpoints: readonly Pick<EndpointLoad, 'id' | 'issued'>[];
};

/**
 * Measures how fast requests follow a server that becomes slower or faster: from the tick that sensed it, to the changed weight,
 * to half and nine tenths of the way in what the sidecars really issue. One for each service; what it knows is not worth a
 * checkpoint.
 */
export class ShiftMeter {
  #watched = new Map<EndpointId, Watched>();

  /** Takes a tick, and gives the shifts that have come to their end. Who joins or leaves moves everybody: all rest anew then. */
  step({ nowMs, decision, endpoints }: ShiftInput): readonly Shift[] {
    const same = endpoints.length === this.#watched.size && endpoints.every(({ id }) => this.#watched.has(id));
    if (!same) this.#watched = new Map(endpoints.map(({ id }) => [id, { moments: [], away: 0, moving: undefined }]));
    const all = endpoints.reduce((sum, { issued }) => sum + issued, 0);
    const shifts: Shift[] = [];
    for (const [i, { id, share, weight, previousWeight, health }] of decision.endpoints.entries()) {
      const watched = this.#watched.get(id);
      if (watched === undefined || health === 'Draining') continue;
      watched.moments.push({ atMs: nowMs, target: share, issued: endpoints[i]?.issued ?? 0, all });
      const shift = follow(watched, nowMs, weight !== previousWeight);
      if (shift !== undefined) shifts.push({ service: decision.service, endpoint: id, ...shift });
    }
    return shifts;
  }
}

function follow(watched: Watched, nowMs: number, pushed: boolean): Omit<Shift, 'service' | 'endpoint'> | undefined {
  const { moments, moving } = watched;
  if (moving === undefined) {
    sense(watched, nowMs, pushed);
    return undefined;
  }
  if (pushed) moving.decidedAtMs ??= nowMs;
  const lately = moments.filter(({ atMs }) => atMs > nowMs - SETTLED_MS).map(({ target }) => Math.log(target));
  const settled = Math.max(...lately) - Math.min(...lately) <= SETTLED && nowMs - moving.sensedAtMs >= SETTLED_MS;
  const tookMs = nowMs - moving.sensedAtMs;
  const goal = Math.exp(lately.reduce((sum, one) => sum + one, 0) / lately.length);
  const told = shiftOf(moments, { ...moving, goal });
  const done = settled && (told.t90Ms !== undefined || tookMs >= SETTLED_MS + FOLLOW_MS);
  if (!done && tookMs < LONGEST_MS) return undefined;
  watched.moving = undefined;
  watched.away = 0;
  watched.moments = moments.filter(({ atMs }) => atMs > nowMs - REST_MS);
  return Math.abs(Math.log(goal / moving.rest)) < LEAST_SHIFT ? undefined : told;
}

function sense(watched: Watched, nowMs: number, pushed: boolean): void {
  const { moments } = watched;
  const before = moments.slice(0, moments.length - 1 - watched.away);
  const first = before[0];
  if (first === undefined || nowMs - first.atMs < REST_MS) return;
  const rest = Math.exp(before.reduce((sum, { target }) => sum + Math.log(target), 0) / before.length);
  const now = (moments.at(-1) as Moment).target;
  if (Math.abs(Math.log(now / rest)) < SENSED) {
    watched.away = 0;
    watched.moments = moments.filter(({ atMs }) => atMs > nowMs - REST_MS - 1000);
    return;
  }
  watched.away += 1;
  if (watched.away < SENSED_TICKS) return;
  const sensedAtMs = (moments.at(-SENSED_TICKS) as Moment).atMs;
  watched.moving = { rest, sensedAtMs, decidedAtMs: pushed ? nowMs : undefined };
}
