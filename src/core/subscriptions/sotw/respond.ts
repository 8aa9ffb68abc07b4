import { contentHash } from '../../../base/units/index.ts';
import { emptyAssignment, type Resource, TYPE_URL } from '../../resources/index.ts';
import type { TypeView } from '../../snapshot/index.ts';
import { resourceOf, versionOf } from '../held.ts';
import { EMPTY_RESPONSE, type Outgoing } from '../messages.ts';
import type { Due, Subscription } from '../subscription.ts';
import { isFullState } from './full-state.ts';

/**
 * A response with what is due. For clusters and listeners that is the whole set: what is due in its new version, the rest as
 * the client has it, also what is gone from the snapshot and not yet to be removed.
 */
export function upsertSotw(
  subscription: Subscription,
  due: Due,
  absent: readonly string[],
  /** What is gone and may be taken away now. */
  lost: readonly string[],
): Outgoing | undefined {
  const { trial, later } = due;
  const told = trial || subscription.searching ? NO_NAMES : absent;
  // Nothing else can tell a client that an assignment does not exist: its cluster would warm until the fetch times out. One
  // that came back may have endpoints under the name, and keeps them.
  const empty = subscription.typeUrl === TYPE_URL.endpoint && !subscription.resumed ? told.map(emptyAssignment) : [];
  const fresh = [...due.resources, ...empty].sort(byName);
  // While something is held back an empty answer would be a lie.
  if (fresh.length === 0 && (!subscription.answerOwed || subscription.searching || later)) return undefined;
  const { typeUrl } = subscription;
  const full = isFullState(typeUrl);
  const dropped = trial ? NO_NAMES : lost;
  const without = new Set(dropped);
  const resources = full ? fullSet(subscription, fresh, without) : fresh;
  // A set carries again what is still on its way, so that a refusal of it may be about that as well.
  const changed = full ? resources.filter((one) => fresh.includes(one) || !isAcked(subscription, one)) : fresh;
  const version = setVersion(resources);
  return { ...EMPTY_RESPONSE, typeUrl, resources, changed, removed: told, dropped, version, trial };
}

function isAcked(subscription: Subscription, resource: Resource): boolean {
  return versionOf(subscription.acked.get(resource.name)) === resource.version;
}

/** The set without what is gone. Only for clusters and listeners: nothing else can be taken away. */
export function removeSotw(subscription: Subscription, lost: readonly string[]): Outgoing {
  const { typeUrl } = subscription;
  const dropped = new Set(lost);
  const resources = fullSet(subscription, [], dropped);
  const changed = resources.filter((one) => !isAcked(subscription, one));
  return {
    ...EMPTY_RESPONSE,
    typeUrl,
    resources,
    changed,
    dropped: lost,
    version: setVersion(resources),
  };
}

/** In state of the world only a full body renews a TTL. */
export function beatSotw(subscription: Subscription, heartbeats: readonly Resource[]): Outgoing {
  const { typeUrl } = subscription;
  const resources = isFullState(typeUrl) ? fullSet(subscription, heartbeats, NONE) : heartbeats;
  return { ...EMPTY_RESPONSE, typeUrl, resources, version: setVersion(resources) };
}

/** `version_info` of the set that the client would have if it took all of the view: what a reconnecting client may name. */
export function versionOfAll(subscription: Subscription, view: TypeView): string {
  const wanted = [...view.values()].filter(({ name }) => subscription.wants(name));
  return setVersion(wanted);
}

/** Hash of what travels, and so equal for equal responses on every stream and replica; different content never shares one. */
function setVersion(resources: readonly Resource[]): string {
  const entries = resources.map(({ name, version }) => `${name}@${version}`);
  return contentHash(entries.sort().join('\n'));
}

function fullSet(
  subscription: Subscription,
  changed: readonly Resource[],
  dropped: ReadonlySet<string>,
): readonly Resource[] {
  const set = new Map<string, Resource>();
  for (const name of subscription.heldNames()) {
    const held = resourceOf(subscription.held(name));
    // What is on its way and was refused by now must not go again.
    const refused = held !== undefined && subscription.isRefused(name, held);
    const resource = refused ? resourceOf(subscription.acked.get(name)) : held;
    if (resource !== undefined && !dropped.has(name)) set.set(name, resource);
  }
  for (const resource of changed) set.set(resource.name, resource);
  return [...set.values()].sort(byName);
}

function byName(a: Resource, b: Resource): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

const NONE: ReadonlySet<string> = new Set();
const NO_NAMES: readonly string[] = [];
