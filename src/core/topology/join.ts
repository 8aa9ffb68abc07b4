import type { Endpoint } from './endpoint.ts';
import type { Subject } from './sample.ts';

/**
 * Finds the endpoint that a source talks about. Sources know different things (an address, a pod, a node), so the join is
 * one place with one order: address and port, pod, node, address. A node or an address counts only where exactly one
 * endpoint has it: a sample about several servers says nothing about one of them.
 */
export type EndpointIndex = {
  /** Nested: a tick of a large fleet looks up ten thousands, and a joined key would be made for each. */
  readonly byAddressAndPort: ReadonlyMap<string, ReadonlyMap<number, Endpoint>>;
  readonly byPod: ReadonlyMap<string, Endpoint | undefined>;
  readonly byNode: ReadonlyMap<string, Endpoint | undefined>;
  readonly byAddress: ReadonlyMap<string, Endpoint | undefined>;
};

export function indexEndpoints(endpoints: readonly Endpoint[]): EndpointIndex {
  const byAddressAndPort = new Map<string, Map<number, Endpoint>>();
  const byPod = new Map<string, Endpoint | undefined>();
  const byNode = new Map<string, Endpoint | undefined>();
  const byAddress = new Map<string, Endpoint | undefined>();
  for (const endpoint of endpoints) {
    const { address, port, pod, node } = endpoint;
    const ports = byAddressAndPort.get(address) ?? new Map<number, Endpoint>();
    // Two pools may name one server: what is heard about it is then believed of the first, never counted twice.
    if (!ports.has(port)) ports.set(port, endpoint);
    byAddressAndPort.set(address, ports);
    addUnique(byPod, pod, endpoint);
    addUnique(byNode, node, endpoint);
    addUnique(byAddress, address, endpoint);
  }
  return { byAddressAndPort, byPod, byNode, byAddress };
}

/** The endpoint that serves on this address and port. */
export function endpointAt(index: EndpointIndex, address: string, port: number): Endpoint | undefined {
  return index.byAddressAndPort.get(address)?.get(port);
}

/** The endpoint that the subject means, or undefined when it means none or more than one. */
export function joinSubject(index: EndpointIndex, subject: Subject): Endpoint | undefined {
  const { address, port, pod, node } = subject;
  if (address !== undefined && port !== undefined) {
    const endpoint = endpointAt(index, address, port);
    if (endpoint !== undefined) return endpoint;
  }
  if (pod !== undefined) {
    const endpoint = index.byPod.get(pod);
    if (endpoint !== undefined) return endpoint;
  }
  if (node !== undefined) {
    const endpoint = index.byNode.get(node);
    if (endpoint !== undefined) return endpoint;
  }
  return address !== undefined && port === undefined ? index.byAddress.get(address) : undefined;
}

function addUnique(map: Map<string, Endpoint | undefined>, key: string | undefined, endpoint: Endpoint): void {
  if (key !== undefined) map.set(key, map.has(key) ? undefined : endpoint);
}
