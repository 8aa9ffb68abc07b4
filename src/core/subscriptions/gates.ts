import { type Resource, TYPE_URL } from '../resources/index.ts';
import type { TypeView } from '../snapshot/index.ts';
import type { Subscription } from './subscription.ts';

/** The subscriptions of one stream, by type URL. */
export type Subscriptions = ReadonlyMap<string, Subscription>;

/** Why something waits; `forGood` when no wait helps, because the client refused what it depends on. */
export type Wait = {
  readonly reason: string;
  readonly forGood: boolean;
  /** How long it waits at most, if not the usual time. */
  readonly maxMs?: number;
};

/** A client that comes back asks for its clusters at once… */
const ASKS_FOR_CLUSTERS_WITHIN_MS = 1000;
/** …but while clusters of it warm only when that is over: Envoy waits up to 15 s for each assignment that does not come. */
export const WARMS_AT_MOST_MS = 30_000;

/**
 * Make before break, the first half: whether the client can use every cluster that a route (or a listener, or a filter)
 * names. Routes are not warmed: one that names a cluster which is not there yet answers 503 until it is. The ACK of a cluster
 * comes before it is warm, the ACK of its assignment is the nearest that the wire tells.
 *
 * It asks only of clients that take their clusters here, and all of them (Envoy). A gRPC client learns from the route which
 * cluster to ask for: waiting for it would be for ever.
 */
export function waitOfUpsert(
  resource: Resource,
  subscriptions: Subscriptions,
  clusters: TypeView,
  aggregated: boolean,
): Wait | undefined {
  if (resource.typeUrl === TYPE_URL.cluster) return undefined;
  const cds = subscriptions.get(TYPE_URL.cluster);
  const own = subscriptions.get(resource.typeUrl);
  const resumed = [...subscriptions.values()].some((subscription) => subscription.resumed);
  if (cds === undefined) return aggregated && resumed ? waitForSubscription(resource, subscriptions) : undefined;
  if (!cds.wildcard) return undefined;
  const eds = subscriptions.get(TYPE_URL.endpoint);
  const serves = resumed || own?.served === true;
  for (const { typeUrl, name } of resource.needs) {
    if (typeUrl !== TYPE_URL.cluster) continue;
    const wait = waitForCluster(name, cds, eds, clusters.get(name), serves);
    if (wait !== undefined) return wait;
  }
  return undefined;
}

function waitForSubscription(resource: Resource, subscriptions: Subscriptions): Wait | undefined {
  if (!resource.needs.some(({ typeUrl }) => typeUrl === TYPE_URL.cluster)) return undefined;
  const mayWarm = subscriptions.get(TYPE_URL.endpoint)?.resumed === true;
  return {
    reason: 'the client has not asked for its clusters yet',
    forGood: false,
    maxMs: mayWarm ? WARMS_AT_MOST_MS : ASKS_FOR_CLUSTERS_WITHIN_MS,
  };
}

function waitForCluster(
  name: string,
  cds: Subscription,
  eds: Subscription | undefined,
  cluster: Resource | undefined,
  /** The client has something of what waits already. At its start, waiting for what was refused would keep everything away. */
  serves: boolean,
): Wait | undefined {
  if (!cds.has(name)) {
    const refused = cds.isRefused(name, cluster);
    if (refused && !serves) return undefined;
    return {
      reason: refused ? `cluster ${name} was refused` : `the client has not taken cluster ${name} yet`,
      forGood: refused,
    };
  }
  if (eds === undefined || !eds.started) return undefined;
  for (const need of cluster?.needs ?? []) {
    if (need.typeUrl !== TYPE_URL.endpoint || eds.has(need.name)) continue;
    // At its start a client may never ask for it; one with traffic does so as soon as it has the cluster.
    if (!serves && !eds.wants(need.name)) continue;
    const refused = eds.refusal(need.name) !== undefined;
    if (refused && !serves) continue;
    const reason = refused
      ? `the endpoints of ${name} were refused`
      : `the client has not taken the endpoints of ${name} yet`;
    return { reason, forGood: refused };
  }
  return undefined;
}

/** The second half: a cluster goes only when nothing that the client has, or is being sent, names it. */
export function waitOfRemoval(cluster: string, subscriptions: Subscriptions): Wait | undefined {
  for (const subscription of subscriptions.values()) {
    if (!NAMES_CLUSTERS.has(subscription.typeUrl)) continue;
    const unknown = subscription.unknownHeld();
    if (unknown !== undefined) {
      const reason = `an older ${unknown} may point to it`;
      return { reason, forGood: subscription.refusal(unknown) !== undefined };
    }
    for (const [name, held] of subscription.inUse()) {
      if (!held.needs.some((need) => need.typeUrl === TYPE_URL.cluster && need.name === cluster)) continue;
      return { reason: `${name} still points to it`, forGood: subscription.refusal(name) !== undefined };
    }
  }
  return undefined;
}

const NAMES_CLUSTERS: ReadonlySet<string> = new Set([TYPE_URL.listener, TYPE_URL.route, TYPE_URL.extension]);
