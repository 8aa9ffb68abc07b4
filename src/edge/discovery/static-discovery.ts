import type { Policy, Pool } from '../../core/policy/index.ts';
import { type Endpoint, endpointId } from '../../core/topology/index.ts';
import { canonicalAddress } from './canonical-address.ts';
import type { DiscoveredSet, EndpointSource } from './endpoint-source.ts';

/** A static address says nothing about which server stands behind it; the engine's start time does (core/load). */
const STATIC_INCARNATION = 'static';

/** The endpoints that the policy itself lists: known at once, and for good until the policy changes. */
export class StaticDiscovery implements EndpointSource {
  #policy: Policy;
  #onChange: ((sets: readonly DiscoveredSet[]) => void) | undefined;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  start(onChange: (sets: readonly DiscoveredSet[]) => void): void {
    this.#onChange = onChange;
    onChange(staticEndpointSets(this.#policy));
  }

  configure(policy: Policy): void {
    this.#policy = policy;
    this.#onChange?.(staticEndpointSets(policy));
  }

  stop(): void {
    this.#onChange = undefined;
  }
}

const setsOf = new WeakMap<Policy, readonly DiscoveredSet[]>();

/**
 * One set per pool, in the order of the policy; the same ones for the same policy, for a tick asks each second. Pools of a kind
 * that is not built yet are known to be empty.
 */
export function staticEndpointSets(policy: Policy): readonly DiscoveredSet[] {
  let sets = setsOf.get(policy);
  if (sets === undefined) {
    sets = policy.services.flatMap((service) => service.pools.map((pool) => poolSet(service.name, pool)));
    setsOf.set(policy, sets);
  }
  return sets;
}

function poolSet(service: string, pool: Pool): DiscoveredSet {
  const { endpoints } = pool;
  const set = { service, pool: pool.name, complete: true };
  if (endpoints.kind !== 'Static') {
    return { ...set, endpoints: [], reason: `${endpoints.kind.toLowerCase()} endpoints are not built yet` };
  }
  const found = new Map<string, Endpoint>();
  const reasons: string[] = [];
  for (const listed of endpoints.endpoints) {
    const address = canonicalAddress(listed.address);
    if (address === undefined) {
      reasons.push(`${listed.address} is not an IP address`);
      continue;
    }
    const id = endpointId(service, pool.name, address, listed.port);
    if (found.has(id)) {
      reasons.push(`${id} is listed twice`);
      continue;
    }
    const maxRunningRequests = listed.maxRunningRequests ?? pool.maxRunningRequests;
    found.set(id, {
      id,
      service,
      pool: pool.name,
      address,
      port: listed.port,
      incarnation: STATIC_INCARNATION,
      capacity: listed.capacity,
      lifecycle: 'Active',
      ...(listed.zone === undefined ? {} : { zone: listed.zone }),
      ...(listed.instance === undefined ? {} : { instance: listed.instance }),
      ...(maxRunningRequests === undefined ? {} : { maxRunningRequests }),
    });
  }
  const reason = reasons.length === 0 ? {} : { reason: reasons.join('; ') };
  return { ...set, endpoints: [...found.values()], ...reason };
}
