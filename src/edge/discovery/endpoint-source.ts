import type { EndpointSet } from '../../core/topology/index.ts';

/** What is known of one pool, and in `reason` why it has fewer endpoints than someone may expect. */
export type DiscoveredSet = EndpointSet & { readonly reason?: string };

/**
 * Where endpoints come from.
 *
 * Contract: after `start`, `onChange` is called with the sets of all pools, as soon as they are known and again whenever
 * one of them changes, always with all of them and never re-entrantly from within `stop`. A set that is not known yet has
 * `complete: false`; a source that loses its connection goes on with what it knew. After `stop`, nothing is called.
 */
export interface EndpointSource {
  start(onChange: (sets: readonly DiscoveredSet[]) => void): void;
  stop(): void;
}
