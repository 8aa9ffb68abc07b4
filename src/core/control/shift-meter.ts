import type { EndpointLoad } from '../load/index.ts';
import type { EndpointId } from '../topology/index.ts';
import type { EndpointDecision, ServiceDecision } from '../weights/index.ts';
import type { PushAcks } from './push-acks.ts';
import { type Moment, NO_SHARE, type Shift, type ShiftCause, shiftOf } from './shift.ts';

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
/** An edit is the cause of what is sensed so soon after it; who joins moves shares for as long as it warms up. */
const EDIT_MS = 10_000;
const JOIN_MS = 60_000;

type Moving = {
  readonly cause: ShiftCause;
  readonly rest: number;
  readonly sensedAtMs: number;
  decidedAtMs: number | undefined;
};

type Watched = {
  /** Oldest first; while it rests, of the last seconds. */
  moments: Moment[];
  away: number;
  health: EndpointDecision['health'];
  /** When a weight went out while the share was being sensed. */
  pushedAtMs: number | undefined;
  /** Where it rested, and when it was first seen to have left. */
  moving: Moving | undefined;
};

export type ShiftInput = {
  readonly nowMs: number;
  readonly decision: ServiceDecision;
  /** In the order of the decision. */
  readonly endpoints: readonly Pick<EndpointLoad, 'id' | 'issued'>[];
  /** The policy of the service is another than at the last tick, in words that weigh. */
  readonly edited: boolean;
  /** Pushes whose way to the sidecars has come to its end. */
  readonly acks: readonly PushAcks[];
};

/**
 * Measures how fast requests follow a server that becomes slower or faster, or whom somebody drains: from the tick that sensed
 * it, to the changed weight, to the ACKs of the sidecars, to half and nine tenths of the way in what they really issue. One for
 * each service; what it knows is not worth a checkpoint.
 */
export class ShiftMeter {
  #watched = new Map<EndpointId, Watched>();
  /** Of the last minutes. */
  #acks: readonly PushAcks[] = [];
  #editedAtMs = Number.NEGATIVE_INFINITY;
  #memberedAtMs = Number.NEGATIVE_INFINITY;

  /** Whether a share is on its way. */
  get moving(): boolean {
    return [...this.#watched.values()].some(({ moving }) => moving !== undefined);
  }

  /** Takes a tick, and gives the shifts that have come to their end. */
  step({ nowMs, decision, endpoints, edited, acks }: ShiftInput): readonly Shift[] {
    this.#join(endpoints, decision, nowMs);
    if (edited) this.#editedAtMs = nowMs;
    this.#acks = [...this.#acks, ...acks].filter(({ pushedAtMs }) => pushedAtMs > nowMs - 2 * LONGEST_MS);
    const all = endpoints.reduce((sum, { issued }) => sum + issued, 0);
    const weights = decision.endpoints.map(({ weight, health }) => (health === 'Draining' ? 0 : weight));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const shifts: Shift[] = [];
    for (const [i, { id, share, weight, previousWeight, health }] of decision.endpoints.entries()) {
      const watched = this.#watched.get(id);
      if (watched === undefined) continue;
      const moment = {
        atMs: nowMs,
        weight: sum === 0 ? 0 : (weights[i] as number) / sum,
        issued: endpoints[i]?.issued ?? 0,
        all,
      };
      watched.moments.push({ ...moment, target: health === 'Draining' ? NO_SHARE : Math.max(NO_SHARE, share) });
      const pushed = weight !== previousWeight || health !== watched.health;
      if (health !== watched.health && !edited) this.#memberedAtMs = nowMs;
      const shift = follow(watched, { nowMs, pushed, cause: this.#cause(nowMs), acks: this.#acks });
      watched.health = health;
      if (shift !== undefined) shifts.push({ service: decision.service, endpoint: id, ...shift });
    }
    return shifts;
  }

  /** Who stays is watched on, and who comes has to rest first. */
  #join(endpoints: ShiftInput['endpoints'], { endpoints: decided }: ServiceDecision, nowMs: number): void {
    const same = endpoints.length === this.#watched.size && endpoints.every(({ id }) => this.#watched.has(id));
    if (same) return;
    if (this.#watched.size > 0) this.#memberedAtMs = nowMs;
    const health = new Map(decided.map((one) => [one.id, one.health]));
    this.#watched = new Map(
      endpoints.map(({ id }) => [
        id,
        this.#watched.get(id) ?? {
          moments: [],
          away: 0,
          health: health.get(id) ?? 'Healthy',
          pushedAtMs: undefined,
          moving: undefined,
        },
      ]),
    );
  }

  /** A policy that lists other endpoints is edited too: that they came or went says more. */
  #cause(nowMs: number): ShiftCause {
    if (nowMs - this.#memberedAtMs < JOIN_MS) return 'Membership';
    return nowMs - this.#editedAtMs < EDIT_MS ? 'Policy' : 'Load';
  }
}

type Told = Omit<Shift, 'service' | 'endpoint'>;

type Now = {
  readonly nowMs: number;
  readonly pushed: boolean;
  readonly cause: ShiftCause;
  readonly acks: readonly PushAcks[];
};

function follow(watched: Watched, now: Now): Told | undefined {
  const { moments, moving } = watched;
  if (moving === undefined) {
    sense(watched, now);
    return undefined;
  }
  const { nowMs, pushed } = now;
  if (pushed) moving.decidedAtMs ??= nowMs;
  const lately = moments.filter(({ atMs }) => atMs > nowMs - SETTLED_MS).map(({ target }) => Math.log(target));
  const settled = Math.max(...lately) - Math.min(...lately) <= SETTLED && nowMs - moving.sensedAtMs >= SETTLED_MS;
  const tookMs = nowMs - moving.sensedAtMs;
  const goal = Math.exp(lately.reduce((sum, one) => sum + one, 0) / lately.length);
  const acks = now.acks.find(({ pushedAtMs }) => pushedAtMs === moving.decidedAtMs);
  const told = shiftOf(moments, { ...moving, goal, acks });
  const done = settled && (told.t90Ms !== undefined || tookMs >= SETTLED_MS + FOLLOW_MS);
  if (!done && tookMs < LONGEST_MS) return undefined;
  watched.moving = undefined;
  watched.pushedAtMs = undefined;
  watched.away = 0;
  watched.moments = moments.filter(({ atMs }) => atMs > nowMs - REST_MS);
  return Math.abs(Math.log(goal / moving.rest)) < LEAST_SHIFT ? undefined : { cause: moving.cause, ...told };
}

function sense(watched: Watched, { nowMs, pushed, cause }: Now): void {
  const { moments } = watched;
  const before = moments.slice(0, moments.length - 1 - watched.away);
  const first = before[0];
  if (first === undefined || nowMs - first.atMs < REST_MS) return;
  const rest = Math.exp(before.reduce((sum, { target }) => sum + Math.log(target), 0) / before.length);
  const now = (moments.at(-1) as Moment).target;
  if (pushed) watched.pushedAtMs ??= nowMs;
  if (Math.abs(Math.log(now / rest)) < SENSED) {
    watched.away = 0;
    watched.pushedAtMs = undefined;
    watched.moments = moments.filter(({ atMs }) => atMs > nowMs - REST_MS - 1000);
    return;
  }
  watched.away += 1;
  if (watched.away < SENSED_TICKS) return;
  const sensedAtMs = (moments.at(-SENSED_TICKS) as Moment).atMs;
  watched.moving = { cause, rest, sensedAtMs, decidedAtMs: watched.pushedAtMs };
}
