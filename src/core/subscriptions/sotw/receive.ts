import type { Answer, SotwRequest } from '../messages.ts';
import type { Subscription } from '../subscription.ts';
import { isFullState } from './full-state.ts';

/**
 * Takes a state-of-the-world request in. A request whose nonce is not that of the newest response is stale: it still says
 * whether the response of its nonce was taken, but its names are out of date and come again with the next answer.
 */
export function receiveSotw(subscription: Subscription, request: SotwRequest, nowMs: number): Answer {
  const first = !subscription.started;
  const answer = subscription.answer(request.nonce, request.errorDetail, nowMs, request.version);
  const stale = !first && request.nonce !== '' && request.nonce !== subscription.lastNonce;
  if (stale) {
    // Its names do not count, but what it leaves out was given up for a moment: if it is there again, it must be sent (envoy#10363).
    const named = new Set(request.names);
    subscription.gaveUp ??= new Set();
    for (const name of subscription.names) if (!named.has(name)) subscription.gaveUp.add(name);
    return answer.kind === 'Spontaneous' ? { kind: 'Stale' } : answer;
  }
  takeNames(subscription, request.names, first);
  return answer;
}

function takeNames(subscription: Subscription, names: readonly string[], first: boolean): void {
  const wanted = new Set(names);
  const star = wanted.delete('*');
  const wasWildcard = subscription.wildcard;
  // An empty list is a wildcard for clusters and listeners, unless the type has named anything on this stream: then, and for
  // other types (Envoy sends one for its routes when it has none), it is nothing.
  const mayBeAll = first ? isFullState(subscription.typeUrl) : subscription.legacyWildcard;
  const legacy = names.length === 0 && mayBeAll;
  subscription.started = true;
  subscription.wildcard = star || legacy;
  subscription.legacyWildcard = legacy;
  for (const name of [...subscription.names]) {
    if (wanted.has(name)) continue;
    subscription.names.delete(name);
    if (!subscription.wildcard) subscription.drop(name);
  }
  let news = first || (subscription.wildcard && !wasWildcard);
  for (const name of wanted) {
    if (subscription.names.has(name) && !subscription.gaveUp?.has(name)) continue;
    subscription.want(name);
    // The client may have had it unasked for: a new name is answered all the same.
    if (!first) subscription.force(name);
    news = true;
  }
  subscription.gaveUp = undefined;
  for (const held of [...subscription.heldNames()]) if (!subscription.wants(held)) subscription.drop(held);
  if (!news) return;
  subscription.oweAnswer();
  if (!first && subscription.wildcard && !wasWildcard && !isFullState(subscription.typeUrl)) subscription.forceAll();
}
