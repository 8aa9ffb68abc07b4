import type { Refusal } from '../../core/subscriptions/index.ts';
import type { DiscoveryStream } from './discovery-stream.ts';
import type { Peer } from './node-identity.ts';

/** One Envoy has one stream, or one for each type; more is a client that does not close them. */
const MAX_STREAMS_PER_NODE = 64;
/** Nodes that are gone and whose refusals are remembered. */
const MAX_REMEMBERED = 1000;

type Remembered = { readonly envoyVersion: string; readonly refusals: readonly Refusal[] };

/** The streams that were let in, by node; and what nodes that left had refused, for when they come back. */
export class StreamRegistry {
  readonly #streams = new Set<DiscoveryStream>();
  readonly #ofNode = new Map<string, number>();
  readonly #remembered = new Map<string, Remembered>();

  get size(): number {
    return this.#streams.size;
  }

  all(): Iterable<DiscoveryStream> {
    return this.#streams;
  }

  hasRoom(nodeId: string): boolean {
    return (this.#ofNode.get(nodeId) ?? 0) < MAX_STREAMS_PER_NODE;
  }

  /** Whether it is the node's first. */
  add(stream: DiscoveryStream, nodeId: string): boolean {
    this.#streams.add(stream);
    const count = (this.#ofNode.get(nodeId) ?? 0) + 1;
    this.#ofNode.set(nodeId, count);
    return count === 1;
  }

  /** Whether it was the node's last. */
  remove(stream: DiscoveryStream, { nodeId, envoyVersion }: Peer): boolean {
    if (!this.#streams.delete(stream)) return false;
    const refusals = stream.refusals();
    if (refusals.length > 0) this.#remember(nodeId, { envoyVersion, refusals });
    const count = (this.#ofNode.get(nodeId) ?? 1) - 1;
    if (count > 0) this.#ofNode.set(nodeId, count);
    else this.#ofNode.delete(nodeId);
    return count <= 0;
  }

  /** Another Envoy may take what this one refused. */
  refusalsOf({ nodeId, envoyVersion }: Peer): readonly Refusal[] {
    const remembered = this.#remembered.get(nodeId);
    return remembered?.envoyVersion === envoyVersion ? remembered.refusals : [];
  }

  #remember(nodeId: string, remembered: Remembered): void {
    this.#remembered.delete(nodeId);
    this.#remembered.set(nodeId, remembered);
    if (this.#remembered.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#remembered.keys();
    this.#remembered.delete(oldest as string);
  }
}
