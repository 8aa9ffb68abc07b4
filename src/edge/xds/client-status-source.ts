import type { DiscoveryStream } from './discovery-stream.ts';
import type { ClientNode, ClientResource, ClientStatusSource } from './services/index.ts';

/** What client status discovery tells of the streams. The streams by type of one Envoy are one node. */
export function clientStatusSource(streams: () => Iterable<DiscoveryStream>): ClientStatusSource {
  return {
    nodes: () => {
      const nodes = new Map<string, ClientNode>();
      for (const { peer } of streams()) {
        if (peer === undefined || nodes.has(peer.nodeId)) continue;
        const { nodeId: id, group, envoyVersion, metadata } = peer;
        nodes.set(id, { id, group, envoyVersion, metadata });
      }
      return [...nodes.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
    },
    resources: ({ id }) => [...streams()].filter(({ peer }) => peer?.nodeId === id).flatMap(resourcesOf),
  };
}

function resourcesOf(stream: DiscoveryStream): readonly ClientResource[] {
  return stream.details().flatMap(({ states, sentAtMs, ackedAtMs }) =>
    states.map(({ typeUrl, name, wanted, sentVersion, ackedVersion, refusal }) => ({
      typeUrl,
      name,
      ...(wanted === undefined ? {} : { wantedVersion: wanted.version, bytes: wanted.bytes }),
      ...(sentVersion === undefined ? {} : { sentVersion }),
      ...(ackedVersion === undefined ? {} : { ackedVersion }),
      ...(sentAtMs === undefined ? {} : { sentAtMs }),
      ...(ackedAtMs === undefined ? {} : { ackedAtMs }),
      ...(refusal === undefined ? {} : { refusal }),
    })),
  );
}
