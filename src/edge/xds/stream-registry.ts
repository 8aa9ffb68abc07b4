import type { Refusal } from '../../core/subscriptions/index.ts';
import type { DiscoveryStream } from './discovery-stream.ts';
import type { Peer } from './node-identity.ts';

/** One Envoy has one stream, or one for each type; more is a client that does not close them. */
const MAX_STREAMS_PER_NODE = 64;
/** Nodes that are gone and whose refusals are remembered. */
const MAX_REMEMBERED = 1000;

type Remembered = {
  readonly envoyVersion: string;
  /** Another identity under the same id is another node. */
  readonly identity: string | undefined;
  readonly refusals: readonly Refusal[];
};

/** What somebody must be told when a stream comes or goes: the node is there (in this group and version), or it is gone. */
export type PresenceChange = { readonly kind: 'Connected' | 'Disconnected'; readonly peer: Peer };

/** The streams that were let in, by node; and what nodes that left had refused, for when they come back. */
export class StreamRegistry {
  readonly #streams = new Set<DiscoveryStream>();
  readonly #ofNode = new Map<string, Set<DiscoveryStream>>();
  /** How each node was told of last. */
  readonly #told = new Map<string, Peer>();
  readonly #remembered = new Map<string, Remembered>();

  get size(): number {
    return this.#streams.size;
  }

  all(): Iterable<DiscoveryStream> {
    return this.#streams;
  }

  hasRoom(nodeId: string): boolean {
    return (this.#ofNode.get(nodeId)?.size ?? 0) < MAX_STREAMS_PER_NODE;
  }

  /** Another group, version or zone under the same id is news too: a hot restart, a pod that was moved. */
  add(stream: DiscoveryStream, peer: Peer): PresenceChange | undefined {
    const { nodeId } = peer;
    this.#streams.add(stream);
    const streams = this.#ofNode.get(nodeId) ?? new Set();
    streams.add(stream);
    this.#ofNode.set(nodeId, streams);
    return this.#tell(peer);
  }

  /** The node may be there still, by another stream: then that one says in which group and version. */
  remove(stream: DiscoveryStream, peer: Peer): PresenceChange | undefined {
    if (!this.#streams.delete(stream)) return undefined;
    const { nodeId } = peer;
    this.#remember(stream, peer);
    const streams = this.#ofNode.get(nodeId);
    streams?.delete(stream);
    const left = [...(streams ?? [])].flatMap((other) => other.peer ?? []);
    const told = this.#told.get(nodeId);
    if (left.length === 0) {
      this.#ofNode.delete(nodeId);
      this.#told.delete(nodeId);
      return { kind: 'Disconnected', peer: told ?? peer };
    }
    const newest = left.at(-1);
    const stillAsTold = left.some((other) => sameIdentity(other, told));
    return stillAsTold || newest === undefined ? undefined : this.#tell(newest);
  }

  /** Also of streams that are still there: a connection may be broken without anybody knowing. Another Envoy may take it. */
  refusalsOf({ nodeId, envoyVersion, identity }: Peer): readonly Refusal[] {
    const remembered = this.#remembered.get(nodeId);
    const same = remembered?.envoyVersion === envoyVersion && remembered.identity === identity;
    const gone = same ? remembered.refusals : [];
    const there = [...(this.#ofNode.get(nodeId) ?? [])]
      .filter(({ peer }) => peer?.envoyVersion === envoyVersion)
      .flatMap((stream) => stream.refusals());
    return [...gone, ...there];
  }

  #tell(peer: Peer): PresenceChange | undefined {
    if (sameIdentity(peer, this.#told.get(peer.nodeId))) return undefined;
    this.#told.set(peer.nodeId, peer);
    return { kind: 'Connected', peer };
  }

  /** The stream has the last word on the types that it carried; those of others stay. */
  #remember(stream: DiscoveryStream, { nodeId, envoyVersion, identity }: Peer): void {
    const before = this.#remembered.get(nodeId);
    const types = new Set(stream.typeUrls());
    const same = before?.envoyVersion === envoyVersion && before.identity === identity;
    const others = same ? before.refusals.filter(({ typeUrl }) => !types.has(typeUrl)) : [];
    const refusals = [...others, ...stream.refusals()];
    this.#remembered.delete(nodeId);
    if (refusals.length === 0) return;
    this.#remembered.set(nodeId, { envoyVersion, identity, refusals });
    if (this.#remembered.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#remembered.keys();
    this.#remembered.delete(oldest as string);
  }
}

function sameIdentity(a: Peer, b: Peer | undefined): boolean {
  return a.group === b?.group && a.envoyVersion === b.envoyVersion && a.zone === b.zone;
}
