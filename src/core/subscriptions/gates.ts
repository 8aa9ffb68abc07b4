import { type Resource, TYPE_URL } from '../resources/index.ts';
import type { TypeView } from '../snapshot/index.ts';
import type { Subscription } from './subscription.ts';

/** The subscriptions of one stream, by type URL. */
export type Subscriptions = ReadonlyMap<string, Subscription>;

/** Why something waits; `forGood` when no wait helps, because the client refused what it depends on. */
export type Wait = { readonly reason: string; readonly forGood: boolean };

/**
 * Make before break, the first half: whether the client can use every cluster that a route (or a listener, or a filter)
 * names. Routes are not warmed: one that names a cluster which is not there yet answers 503 until it is. The ACK of a cluster
 * comes before it is warm, the ACK of its assignment is the nearest that the wire tells.
 *
 * It asks only of clients that take their clusters here, and all of them (Envoy). A gRPC client learns from the route which
 * cluster to ask for: waiting for it would be for ever.
 */
export function waitOfUpsert(resource: Resource, subscriptions: Subscriptions, clusters: TypeView): Wait | undefined {
  const cds = subscriptions.get(TYPE_URL.cluster);
  if (cds === undefined || !cds.wildcard || resource.typeUrl === TYPE_URL.cluster) return undefined;
  const eds = subscriptions.get(TYPE_URL.endpoint);
  const has = subscriptions.get(resource.typeUrl)?.acked.has(resource.name) === true;
  for (const { typeUrl, name } of resource.needs) {
    if (typeUrl !== TYPE_URL.cluster) continue;
    const wait = waitForCluster(name, cds, eds, clusters.get(name), has);
    if (wait !== undefined) return wait;
  }
  return undefined;
}

function waitForCluster(
  name: string,
  cds: Subscription,
  eds: Subscription | undefined,
  cluster: Resource | undefined,
  /** The client has an older version of what waits. Without one, waiting for what was refused would keep everything away. */
  has: boolean,
): Wait | undefined {
  if (!cds.acked.has(name)) {
    const refused = cds.isRefused(name, cluster);
    if (refused && !has) return undefined;
    return {
      reason: refused ? `cluster ${name} was refused` : `the client has not taken cluster ${name} yet`,
      forGood: refused,
    };
  }
  if (eds === undefined || !eds.started) return undefined;
  for (const need of cluster?.needs ?? []) {
    if (need.typeUrl !== TYPE_URL.endpoint || eds.acked.has(need.name)) continue;
    // At its start a client may never ask for it; one with traffic does so as soon as it has the cluster.
    if (!has && !eds.wants(need.name)) continue;
    const refused = eds.refusal(need.name) !== undefined;
    if (refused && !has) continue;
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
    for (const [name, held] of subscription.inUse()) {
      // After a reconnect only its version is known, and the new one is on its way.
      const unknown = typeof held === 'string';
      if (unknown || held.needs.some((need) => need.typeUrl === TYPE_URL.cluster && need.name === cluster)) {
        const reason = unknown ? `an older ${name} may point to it` : `${name} still points to it`;
        return { reason, forGood: subscription.refusal(name) !== undefined };
      }
    }
  }
  return undefined;
}

const NAMES_CLUSTERS: ReadonlySet<string> = new Set([TYPE_URL.listener, TYPE_URL.route, TYPE_URL.extension]);
