import type { TypeView } from '../snapshot/index.ts';
import type { ClientStream } from './client-stream.ts';
import { versionOf } from './held.ts';
import type { Refusal } from './messages.ts';
import type { Subscription } from './subscription.ts';
import type { Waiting } from './waits.ts';

/** How one type stands on one stream. */
export type TypeState = {
  readonly typeUrl: string;
  /** `NACKED`: the client refuses something that it should have. `STALE`: an answer, or something to send, is outstanding. */
  readonly status: 'SYNCED' | 'STALE' | 'NACKED';
  /** Resources that the client should have, and those that it keeps because nothing can take them away. */
  readonly resources: number;
  /** The first by name of those that stand refused. */
  readonly refusal?: Refusal;
  /** The first by name of those that are held back, or went out in vain. */
  readonly waiting?: Waiting;
};

/**
 * What the states of all resources add up to, for lists of thousands of streams: where nothing is under way no resource is
 * looked at, and no list of states is made at all. To be asked when the stream has nothing to send.
 */
export function typeStates(client: ClientStream): readonly TypeState[] {
  const waits = client.waiting;
  return client.subscriptions.map((subscription) => {
    const { typeUrl } = subscription;
    const own = waits.length === 0 ? waits : waits.filter((waiting) => waiting.typeUrl === typeUrl);
    return typeState(subscription, client.view(typeUrl), own);
  });
}

function typeState(subscription: Subscription, view: TypeView, waits: readonly Waiting[]): TypeState {
  const { typeUrl, acked, unanswered } = subscription;
  // A client may refuse what it no longer asks for.
  const refusal = firstByName(subscription.refusals(view).filter(({ name }) => subscription.wants(name)));
  if (refusal === undefined && unanswered === 0 && subscription.isSettled(view) && waits.length === 0) {
    return { typeUrl, status: 'SYNCED', resources: acked.size };
  }
  const waiting = firstByName(waits);
  const isSynced = refusal === undefined && waits.every(({ gaveUp }) => gaveUp) && hasAll(subscription, view);
  return {
    typeUrl,
    status: refusal !== undefined ? 'NACKED' : isSynced ? 'SYNCED' : 'STALE',
    resources: subscription.wildcard ? view.size : countIn(view, subscription.names),
    ...(refusal === undefined ? {} : { refusal }),
    ...(waiting === undefined ? {} : { waiting }),
  };
}

function hasAll(subscription: Subscription, view: TypeView): boolean {
  const { acked, unanswered, heartbeats, wildcard, names } = subscription;
  // The answer to a heartbeat says nothing about the configuration.
  if (unanswered > 0 && heartbeats.isEmpty) return false;
  if (unanswered === 0 && subscription.isSettled(view)) return true;
  const has = (name: string): boolean => {
    const wanted = view.get(name)?.version;
    return versionOf(acked.get(name)) === wanted && versionOf(subscription.held(name)) === wanted;
  };
  return (
    every(names, has) &&
    every(acked.keys(), has) &&
    (!wildcard || every(view.keys(), has)) &&
    (unanswered === 0 || every(subscription.heldNames(), has))
  );
}

function every(names: Iterable<string>, has: (name: string) => boolean): boolean {
  for (const name of names) if (!has(name)) return false;
  return true;
}

function countIn(view: TypeView, names: Iterable<string>): number {
  let count = 0;
  for (const name of names) if (view.has(name)) count += 1;
  return count;
}

function firstByName<T extends { readonly name: string }>(of: readonly T[]): T | undefined {
  let first: T | undefined;
  for (const one of of) if (first === undefined || one.name < first.name) first = one;
  return first;
}
