import type { Resource } from '../../resources/index.ts';
import { EMPTY_RESPONSE, type Outgoing } from '../messages.ts';
import type { Due, Subscription } from '../subscription.ts';

/** A response with what is due and the names that do not exist; undefined when there is nothing to say. */
export function upsertDelta(subscription: Subscription, due: Due, absent: readonly string[]): Outgoing | undefined {
  const { resources, trial, later } = due;
  const told = trial ? NO_NAMES : absent;
  // While something is held back an empty answer would be a lie.
  if (resources.length === 0 && told.length === 0 && (!subscription.answerOwed || later)) return undefined;
  // Written out: this runs for every push to every stream.
  return {
    typeUrl: subscription.typeUrl,
    resources,
    heartbeats: NO_RESOURCES,
    removed: told,
    version: '',
    changed: resources,
    dropped: NO_NAMES,
    trial,
  };
}

export function removeDelta(subscription: Subscription, lost: readonly string[]): Outgoing {
  return { ...EMPTY_RESPONSE, typeUrl: subscription.typeUrl, removed: lost, dropped: lost };
}

/** Name, version and TTL without a body renew a TTL in delta. */
export function beatDelta(subscription: Subscription, heartbeats: readonly Resource[]): Outgoing {
  return { ...EMPTY_RESPONSE, typeUrl: subscription.typeUrl, heartbeats };
}

const NO_RESOURCES: readonly Resource[] = [];
const NO_NAMES: readonly string[] = [];
