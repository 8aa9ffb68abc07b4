import type { ModelService } from './policy.ts';

/**
 * Who carries the requests of a service: for each part of them the pools that may, the one that it is meant for first. Without
 * fixed shares all requests are one part, and every pool may. The share of a pool goes to the others that have one and serve the
 * same model, while nobody in it can take requests.
 */
export function carriersOf({ pools, split }: Pick<ModelService, 'pools' | 'split'>): readonly (readonly string[])[] {
  if (split?.kind !== 'Fixed') return [pools.map(({ name }) => name)];
  const sharing = pools.filter(({ name }) => (split.weights[name] ?? 0) > 0);
  return sharing.map((pool) => [
    pool.name,
    ...sharing.filter((one) => one !== pool && one.modelRevision === pool.modelRevision).map(({ name }) => name),
  ]);
}
