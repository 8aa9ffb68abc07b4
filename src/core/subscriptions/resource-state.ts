import type { Resource } from '../resources/index.ts';
import type { ClientStream } from './client-stream.ts';
import { versionOf } from './held.ts';
import type { Refusal } from './messages.ts';
import type { Subscription } from './subscription.ts';
import type { Waiting } from './waits.ts';

/**
 * `NOT_SENT`: it was not due, or is held back. `STALE`: sent and not answered, or still to be taken away; what cannot be taken
 * away is `SYNCED`.
 */
export type SyncStatus = 'SYNCED' | 'STALE' | 'NACKED' | 'NOT_SENT';

/** Where one resource is on its way to one client. */
export type ResourceState = {
  readonly typeUrl: string;
  readonly name: string;
  readonly status: SyncStatus;
  /** What the client should have; absent when the snapshot has no such resource. */
  readonly wanted?: Resource;
  /** Version that the client has once it takes what was sent. */
  readonly sentVersion?: string;
  readonly ackedVersion?: string;
  /** Of the version that is wanted. */
  readonly refusal?: Refusal;
  /** Why it is held back, or was until it went out in vain. */
  readonly waiting?: Waiting;
};

/** Every resource that the client wants or has of one type, by name. */
export function resourceStates(client: ClientStream, subscription: Subscription): readonly ResourceState[] {
  const view = client.view(subscription.typeUrl);
  const names = new Set<string>(subscription.names);
  if (subscription.wildcard) for (const name of view.keys()) names.add(name);
  for (const name of subscription.heldNames()) names.add(name);
  for (const name of subscription.acked.keys()) names.add(name);
  const waiting = new Map(
    client.waiting.filter(({ typeUrl }) => typeUrl === subscription.typeUrl).map((one) => [one.name, one]),
  );
  const settled = subscription.isSettled(view);
  return [...names].sort().map((name) => stateOf(subscription, name, view.get(name), waiting.get(name), settled));
}

function stateOf(
  subscription: Subscription,
  name: string,
  wanted: Resource | undefined,
  waiting: Waiting | undefined,
  settled: boolean,
): ResourceState {
  const sentVersion = versionOf(subscription.held(name));
  const ackedVersion = versionOf(subscription.acked.get(name));
  const refusal = subscription.isRefused(name, wanted) ? subscription.refusal(name) : undefined;
  const isKept = settled && wanted === undefined && refusal === undefined && sentVersion === ackedVersion;
  return {
    typeUrl: subscription.typeUrl,
    name,
    status: isKept ? 'SYNCED' : statusOf(wanted?.version, sentVersion, ackedVersion, refusal !== undefined),
    ...(wanted === undefined ? {} : { wanted }),
    ...(sentVersion === undefined ? {} : { sentVersion }),
    ...(ackedVersion === undefined ? {} : { ackedVersion }),
    ...(refusal === undefined ? {} : { refusal }),
    ...(waiting === undefined ? {} : { waiting }),
  };
}

function statusOf(
  wanted: string | undefined,
  sent: string | undefined,
  acked: string | undefined,
  refused: boolean,
): SyncStatus {
  if (refused) return 'NACKED';
  // What it has, and what it has once it takes what was sent: something else may be on its way.
  if (acked === wanted && sent === wanted) return 'SYNCED';
  return sent === wanted || wanted === undefined ? 'STALE' : 'NOT_SENT';
}
