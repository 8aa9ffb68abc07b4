import type { Endpoint, EndpointId } from '../topology/index.ts';
import { dismissed } from './gpu-fault.ts';
import { draftEndpoint, type EndpointMemory, logPrior, newEndpoint } from './load-state.ts';
import { median } from './median.ts';

/** Endpoints that come while others have run for this long must ramp up; at the start of a service nobody has to. */
const ESTABLISHED_MS = 5000;

/**
 * [step 1] The drafts of this tick, in the order of the endpoints: members keep their memory, who left is forgotten, who is new
 * believes what its peers' median believes (moved by the operator's priors). A new incarnation is a new endpoint.
 */
export function draftMembers(
  before: Readonly<Record<EndpointId, EndpointMemory>> | undefined,
  endpoints: readonly Endpoint[],
  startedAtMs: number,
  nowMs: number,
): EndpointMemory[] {
  const known = before ?? {};
  const peers: EndpointMemory[] = [];
  for (const { id, incarnation } of endpoints) {
    const memory = known[id];
    if (memory?.incarnation === incarnation) peers.push(memory);
  }
  if (peers.length === endpoints.length) return peers.map(draftEndpoint);
  const usual = median(peers.map(({ logCapacity, logPrior: prior }) => logCapacity - prior));
  const established = peers.length > 0 && nowMs - startedAtMs > ESTABLISHED_MS;
  const meanPrior = endpoints.reduce((sum, endpoint) => sum + logPrior(endpoint), 0) / Math.max(1, endpoints.length);
  return endpoints.map((endpoint) => {
    const memory = known[endpoint.id];
    if (memory?.incarnation === endpoint.incarnation) return draftEndpoint(memory);
    const capacity = usual === undefined ? logPrior(endpoint) - meanPrior : usual + logPrior(endpoint);
    const fresh = newEndpoint(endpoint, capacity, established ? 'Waiting' : 'Running', nowMs);
    fresh.lives = (memory?.lives ?? -1) + 1;
    return fresh;
  });
}

/** The engine behind an address was restarted: what was learned of it is forgotten, and it ramps up again. */
export function reborn(
  memory: EndpointMemory,
  endpoint: Endpoint,
  peers: readonly EndpointMemory[],
  nowMs: number,
): EndpointMemory {
  const usual = median(peers.map(({ logCapacity, logPrior: prior }) => logCapacity - prior)) ?? 0;
  return {
    ...newEndpoint(endpoint, usual + logPrior(endpoint), 'Waiting', nowMs),
    lives: memory.lives + 1,
    inFlight: memory.inFlight,
    gpus: memory.gpus.map(dismissed),
  };
}
