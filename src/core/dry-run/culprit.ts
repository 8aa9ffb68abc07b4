import { type Resource, TYPE_URL } from '../resources/index.ts';

/** Listeners that are looked at one by one. */
const MAX_LISTENERS = 3;

/**
 * Which resource Envoy refuses, where its words do not say: parts of what it refused are asked about until one stands alone.
 * Yields the parts; is told of each whether Envoy refuses it. Clusters are halved; listeners are asked bare, then with one filter
 * or their routes.
 *
 * @returns undefined: only together are they refused
 */
export function* culpritIn(
  resources: readonly Resource[],
): Generator<readonly Resource[], Resource | undefined, boolean> {
  const of = (typeUrl: string | undefined): readonly Resource[] => resources.filter((one) => one.typeUrl === typeUrl);
  const assignments = of(TYPE_URL.endpoint);
  const served = (clusters: readonly Resource[]): readonly Resource[] => {
    const names = new Set(clusters.map(({ name }) => name));
    return [...clusters, ...assignments.filter(({ name }) => names.has(name))];
  };
  let clusters = of(TYPE_URL.cluster);
  if (clusters.length > 0 && (yield served(clusters))) {
    while (clusters.length > 1) {
      const half = clusters.slice(0, clusters.length >> 1);
      clusters = (yield served(half)) ? half : clusters.slice(half.length);
    }
    return clusters[0];
  }
  const rest = [...clusters, ...assignments];
  for (const listener of of(TYPE_URL.listener).slice(0, MAX_LISTENERS)) {
    if (yield [...rest, listener]) return listener;
    const routes = of(TYPE_URL.route).filter(({ name }) => name === listener.name);
    for (const part of [...of(TYPE_URL.extension), ...routes]) if (yield [...rest, listener, part]) return part;
  }
  return undefined;
}
