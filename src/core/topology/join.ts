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
  /** No two endpoints have one address and port. */
  readonly unique: boolean;
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
  let unique = true;
  for (const [place, { address, port, pod, node }] of endpoints.entries()) {
    const ports = byAddressAndPort.get(address) ?? new Map<number, number>();
    // Two pools may name one server: what is heard about it is then believed of the first, never counted twice.
    if (ports.has(port)) unique = false;
    else ports.set(port, place);
    byAddressAndPort.set(address, ports);
    addUnique(byPod, pod, place);
    addUnique(byNode, node, place);
    addUnique(byAddress, address, place);
  }
  return { endpoints, byAddressAndPort, byPod, byNode, byAddress, unique };
}

/**
 * Where the endpoint stands that serves on this address and port. Sources tell of one endpoint several times, or of all in
 * their order: with the place that was found last, a look at it and the next one is mostly enough.
 */
export function placeAt(index: EndpointIndex, address: string, port: number, last: number = NOWHERE): number {
  if (index.unique) {
    if (isAt(index, last, address, port)) return last;
    if (isAt(index, last + 1, address, port)) return last + 1;
  }
  return index.byAddressAndPort.get(address)?.get(port) ?? NOWHERE;
}

function isAt({ endpoints }: EndpointIndex, place: number, address: string, port: number): boolean {
  const endpoint = place === NOWHERE ? undefined : endpoints[place];
  return endpoint !== undefined && endpoint.port === port && endpoint.address === address;
}

/** Where the endpoint stands that the subject means. `last`: see {@link placeAt}. */
export function placeOf(index: EndpointIndex, subject: Subject, last: number = NOWHERE): number {
  const { address, port, pod, node } = subject;
  if (address !== undefined && port !== undefined) {
    const place = placeAt(index, address, port, last);
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
