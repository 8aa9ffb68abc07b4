import type { Answer, DeltaRequest } from '../messages.ts';
import type { Subscription } from '../subscription.ts';

/**
 * Takes a delta request in. Changes of the subscription count even when the nonce is unknown (xDS protocol, "Subscribing to
 * Resources": the nonce only says which response is answered).
 */
export function receiveDelta(subscription: Subscription, request: DeltaRequest, nowMs: number): Answer {
  const answer = subscription.answer(request.nonce, request.errorDetail, nowMs);
  const first = !subscription.started;
  if (first) begin(subscription, request);
  for (const name of request.subscribe) {
    if (name === '*') {
      // Asked for again, it must be sent again, as any name.
      subscription.wildcard = true;
      if (!first) subscription.forceAll();
      continue;
    }
    subscription.want(name);
    // A client may have forgotten what it asks for. Not so on the first request, which lists the versions that it holds.
    if (!first) subscription.force(name);
  }
  for (const name of request.unsubscribe) unsubscribe(subscription, name);
  return answer;
}

function begin(subscription: Subscription, request: DeltaRequest): void {
  subscription.started = true;
  for (const [name, version] of Object.entries(request.initialVersions)) {
    subscription.acked.set(name, version);
    subscription.heartbeats.atOnce(name);
  }
  subscription.resumed = subscription.acked.size > 0;
  const legacyWildcard = request.subscribe.length === 0 && request.unsubscribe.length === 0;
  if (legacyWildcard) subscription.wildcard = true;
  // Envoy's start waits for the first answer to a wildcard, even if there is nothing.
  if ((legacyWildcard || request.subscribe.includes('*')) && subscription.acked.size === 0) subscription.oweAnswer();
}

function unsubscribe(subscription: Subscription, name: string): void {
  if (name === '*') {
    if (!subscription.wildcard) return;
    subscription.wildcard = false;
    for (const held of [...subscription.heldNames()]) if (!subscription.names.has(held)) subscription.drop(held);
    return;
  }
  const had = subscription.names.delete(name);
  if (!subscription.wildcard) subscription.drop(name);
  // The client cannot know whether the wildcard covers the name: it must be told, the resource or its absence.
  else if (had) subscription.force(name);
}
