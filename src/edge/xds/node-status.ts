import type { DiscoveryStream } from './discovery-stream.ts';
import type { TypeStatus } from './stream-status.ts';

/** A connected sidecar, as `loadline status` shows it. */
export type NodeStatus = {
  readonly id: string;
  readonly group: string;
  readonly envoyVersion: string;
  readonly peer: string;
  readonly connectedAtMs: number;
  readonly types: readonly TypeStatus[];
};

/** By id. The streams by type of one Envoy come over one connection and are one node. */
export function nodeStatuses(streams: Iterable<DiscoveryStream>): readonly NodeStatus[] {
  const nodes = new Map<string, NodeStatus>();
  for (const stream of streams) {
    const { peer, address, connectedAtMs } = stream;
    const status = stream.status();
    if (peer === undefined || status === undefined) continue;
    const { nodeId: id, group, envoyVersion } = peer;
    const key = `${id}\n${address}`;
    const before = nodes.get(key);
    nodes.set(key, {
      id,
      group,
      envoyVersion,
      peer: address,
      connectedAtMs: Math.min(connectedAtMs, before?.connectedAtMs ?? connectedAtMs),
      types: [...(before?.types ?? []), ...status.types],
    });
  }
  return [...nodes.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : a.connectedAtMs - b.connectedAtMs));
}
