import type { EndpointMemory } from './load-state.ts';

/**
 * Errors are weighed against the requests that were issued in the same time. Not against completions: those of long streams
 * began before the errors did, and for as long as they end they make a server that fails everything look half well.
 */

/** Errors and requests are remembered for so long, */
const WINDOW_SEC = 2;
/** but over no fewer requests than these: one error of a server that is rarely asked is not a tenth of its answers. */
const WINDOW_REQUESTS = 10;
/** Without any request the memory fades as slowly as this: who is not asked cannot show that it is well again. */
const FADE_SEC = 20;
/** Fewer than these are noise. They are weights of a fading window, so parts of one error count. */
const FEW = 0.1;
const BAD = 0.2;
const BAD_RATIO = 0.1;

export type Answers = { readonly issued: number; readonly errors: number };

type Recent = Pick<EndpointMemory, 'recentRequests' | 'recentErrors'>;

export function followErrors(memory: Recent, { issued, errors }: Answers, elapsedSec: number): void {
  // An error may end a request that was issued long ago.
  const requests = Math.max(issued, errors);
  const fade = Math.min(
    elapsedSec / WINDOW_SEC,
    Math.max(elapsedSec / FADE_SEC, Math.max(requests, memory.recentRequests - WINDOW_REQUESTS) / WINDOW_REQUESTS),
  );
  const keep = Math.exp(-fade);
  memory.recentRequests = memory.recentRequests * keep + requests;
  memory.recentErrors = memory.recentErrors * keep + errors;
}

/** 0..1; 0 while there are too few to tell. */
export function errorRatio({ recentRequests, recentErrors }: Recent): number {
  return recentErrors < FEW ? 0 : recentErrors / recentRequests;
}

/** [bad] */
export function isBad(memory: Recent): boolean {
  return memory.recentErrors > BAD && errorRatio(memory) > BAD_RATIO;
}
