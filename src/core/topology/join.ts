import type { Endpoint } from './endpoint.ts';
import type { Subject } from './sample.ts';

/**
 * Finds the endpoint that a source talks about. Sources know different things (an address, a pod, a node), so the join is
 * one place with one order: address and port, pod, node, address. A node or an address counts only where exactly one
 * endpoint has it: a sample about several servers says nothing about one of them.
 *
 * What is found is a place in the list of endpoints: a tick of a large fleet looks up ten thousands, and adds up by place.
 */
export type EndpointIndex = {
  readonly endpoints: readonly Endpoint[];
  /** Nested: a joined key would be made for each look-up. */
  readonly byAddressAndPort: ReadonlyMap<string, ReadonlyMap<number, number>>;
  readonly byPod: ReadonlyMap<string, number>;
  readonly byNode: ReadonlyMap<string, number>;
  readonly byAddress: ReadonlyMap<string, number>;
};

/** There is no such endpoint, or more than one. */
export const NOWHERE = -1;

const indexes = new WeakMap<readonly Endpoint[], EndpointIndex>();

/** The index of a list, made once: the list of a service stays the same from tick to tick while nobody joins or leaves. */
export function indexEndpoints(endpoints: readonly Endpoint[]): EndpointIndex {
  let index = indexes.get(endpoints);
  if (index === undefined) {
    index = newIndex(endpoints);
    indexes.set(endpoints, index);
  }
  return index;
}

function newIndex(endpoints: readonly Endpoint[]): EndpointIndex {
  const byAddressAndPort = new Map<string, Map<number, number>>();
  const byPod = new Map<string, number>();
  const byNode = new Map<string, number>();
  const byAddress = new Map<string, number>();
  for (const [place, { address, port, pod, node }] of endpoints.entries()) {
    const ports = byAddressAndPort.get(address) ?? new Map<number, number>();
    // Two pools may name one server: what is heard about it is then believed of the first, never counted twice.
    if (!ports.has(port)) ports.set(port, place);
    byAddressAndPort.set(address, ports);
    addUnique(byPod, pod, place);
    addUnique(byNode, node, place);
    addUnique(byAddress, address, place);
  }
  return { endpoints, byAddressAndPort, byPod, byNode, byAddress };
}

/** Where the endpoint stands that serves on this address and port. */
export function placeAt(index: EndpointIndex, address: string, port: number): number {
  return index.byAddressAndPort.get(address)?.get(port) ?? NOWHERE;
}

/** Where the endpoint stands that the subject means. */
export function placeOf(index: EndpointIndex, { address, port, pod, node }: Subject): number {
  if (address !== undefined && port !== undefined) {
    const place = placeAt(index, address, port);
    if (place !== NOWHERE) return place;
  }
  if (pod !== undefined) {
    const place = index.byPod.get(pod) ?? NOWHERE;
    if (place !== NOWHERE) return place;
  }
  if (node !== undefined) {
    const place = index.byNode.get(node) ?? NOWHERE;
    if (place !== NOWHERE) return place;
  }
  return address !== undefined && port === undefined ? (index.byAddress.get(address) ?? NOWHERE) : NOWHERE;
}

function addUnique(map: Map<string, number>, key: string | undefined, place: number): void {
  if (key !== undefined) map.set(key, map.has(key) ? NOWHERE : place);
}
