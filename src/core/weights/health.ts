import type { EndpointLoad } from '../load/index.ts';

const FLOOR = 0.05;
const SICK_RATIO = 0.2;
const SICK_FLOOR = 0.02;
const WAITING = 0.1;
/**
 * From these pressures of the well part on, traffic finds less and less room elsewhere, and none a quarter later. A sick endpoint
 * takes some back only then: each request costs an error. A cold one costs a wait, and its help is needed before the queues stand.
 */
const ROOM_OF_SICK = 0.75;
const ROOM_OF_COLD = 0.65;
const ROOM_OVER = 0.25;

/** [h] What errors leave of a share: fast failures must lower a share, never raise it, unless the rest has no room. */
export function healthFactor({ errorRatio: r }: EndpointLoad, goodPressure: number): number {
  const factor = r > SICK_RATIO ? Math.max(SICK_FLOOR, 0.2 * (1 - r) ** 2) : Math.max(FLOOR, 1 / (1 + 4 * r));
  return Math.max(factor, (1 - r) * lackOfRoom(goodPressure, ROOM_OF_SICK));
}

/** 0 while those that are well have room for more, 1 when they have none. */
function lackOfRoom(goodPressure: number, from: number): number {
  return Math.min(1, Math.max(0, (goodPressure - from) / ROOM_OVER));
}

/** [f] A tenth until the first completion, then up to the whole over the warm-up. */
export function rampFactor({ waiting1st, rampAgeSec }: EndpointLoad, warmupMs: number, goodPressure: number): number {
  if (warmupMs <= 0) return 1;
  if (waiting1st) return WAITING;
  if (rampAgeSec === undefined) return 1;
  return Math.min(1, Math.max(WAITING, (rampAgeSec * 1000) / warmupMs, lackOfRoom(goodPressure, ROOM_OF_COLD)));
}
