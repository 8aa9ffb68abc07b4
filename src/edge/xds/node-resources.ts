import { type Resource, SEND_ORDER } from '../../core/resources/index.ts';
import type { DiscoveryStream } from './discovery-stream.ts';
import type { Peer } from './node-identity.ts';

/** The content of what one sidecar should have now, of what it asks for. */
export type NodeResources = {
  readonly id: string;
  readonly group: string;
  readonly envoyVersion: string;
  /** Whether it tries a change before the others. */
  readonly track: 'Stable' | 'Canary';
  /** In the order of sending, then by name; each once. */
  readonly resources: readonly Resource[];
};

/**
 * Undefined when no stream is the node's. Where a type comes on two streams (an old connection that nobody has missed yet) the
 * newest counts. What it never asks for is not in it: `loadline proxy-config` would not show it either.
 */
export function nodeResources(
  streams: Iterable<DiscoveryStream>,
  nodeId: string,
  trackOf: (peer: Peer) => NodeResources['track'],
): NodeResources | undefined {
  const own = [...streams].filter(({ peer }) => peer?.nodeId === nodeId);
  own.sort((a, b) => b.connectedAtMs - a.connectedAtMs);
  const peer = own[0]?.peer;
  if (peer === undefined) return undefined;
  const resources = new Map<string, Resource>();
  for (const stream of own) {
    for (const { states } of stream.details()) {
      for (const { wanted } of states) {
        const id = `${wanted?.typeUrl}\n${wanted?.name}`;
        if (wanted !== undefined && !resources.has(id)) resources.set(id, wanted);
      }
    }
  }
  const { group, envoyVersion } = peer;
  return { id: nodeId, group, envoyVersion, track: trackOf(peer), resources: inOrder(resources.values()) };
}

/** As resources are sent, then by name. */
export function inOrder(resources: Iterable<Resource>): readonly Resource[] {
  const rank = ({ typeUrl }: Resource): number => SEND_ORDER.indexOf(typeUrl);
  return [...resources].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}
