import type { DecidedEndpoint, DecisionView } from '../observe/index.ts';
import {
  flag,
  fromEnum,
  fromSeconds,
  list,
  number,
  numberOrNull,
  text,
  texts,
  toEnum,
  toSeconds,
  type Wire,
} from './wire-values.ts';

/** An endpoint takes some 0.3 KB, and a gRPC client 4 MiB where nobody says otherwise. */
const MESSAGE_ENDPOINTS = 2000;

/** Bounded messages (loadline.admin.v1.WatchDecisionsResponse) of one decision. */
export function* decisionMessages(view: DecisionView, messageEndpoints: number = MESSAGE_ENDPOINTS): Iterable<Wire> {
  const { atMs, outcome, endpoints, ...same } = view;
  const head = { ...same, time: toSeconds(atMs), outcome: toEnum('OUTCOME', outcome) };
  let at = 0;
  do {
    const end = at + messageEndpoints;
    yield { ...head, endpoints: endpoints.slice(at, end).map(encodeEndpoint), more: end < endpoints.length };
    at = end;
  } while (at < endpoints.length);
}

/** Puts the messages of one stream together. */
export class DecisionReader {
  #begun: readonly DecidedEndpoint[] = [];

  /** The decision, when the message ends one. */
  take(wire: Wire): DecisionView | undefined {
    const endpoints = [...this.#begun, ...list(wire.endpoints, decodeEndpoint)];
    this.#begun = flag(wire.more) ? endpoints : [];
    if (flag(wire.more)) return undefined;
    return {
      service: text(wire.service),
      tick: number(wire.tick),
      atMs: fromSeconds(wire.time) ?? 0,
      outcome: fromEnum('OUTCOME', wire.outcome),
      skipped: number(wire.skipped),
      complete: flag(wire.complete),
      endpoints,
    };
  }
}

function encodeEndpoint({ health, ...same }: DecidedEndpoint): Wire {
  return { ...same, health: toEnum('DECIDED_HEALTH', health) };
}

function decodeEndpoint(wire: Wire): DecidedEndpoint {
  return {
    id: text(wire.id),
    previousWeight: numberOrNull(wire.previousWeight),
    weight: numberOrNull(wire.weight),
    computedWeight: numberOrNull(wire.computedWeight),
    previousShare: numberOrNull(wire.previousShare),
    share: numberOrNull(wire.share),
    health: fromEnum('DECIDED_HEALTH', wire.health),
    clamps: texts(wire.clamps),
    reason: text(wire.reason),
  };
}
