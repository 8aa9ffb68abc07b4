import type { Policy } from '../../../../core/policy/index.ts';
import {
  type Endpoint,
  type EndpointIndex,
  indexEndpoints,
  NOWHERE,
  placeOf,
  type Subject,
} from '../../../../core/topology/index.ts';

/** An endpoint that agents may speak for. */
export type Place = { readonly endpoint: Endpoint; readonly leaseMs: number };

/**
 * Where a push can go, by the policy in force. The join is that of the control loop; what was joined here goes on under the
 * address and port of its endpoint, so that a policy that does not allow it is not reached by another name.
 */
export class Places {
  readonly all: readonly Place[];
  readonly #indices: readonly EndpointIndex[];
  readonly #byId: ReadonlyMap<string, Place>;

  constructor(policy: Policy, endpoints: readonly Endpoint[]) {
    const leases = new Map<string, number>();
    for (const { name, pools } of policy.services) {
      for (const { name: pool, signals } of pools) {
        if (signals.push !== undefined) leases.set(`${name}/${pool}`, signals.push.leaseMs);
      }
    }
    this.all = endpoints.flatMap((endpoint) => {
      const leaseMs = leases.get(`${endpoint.service}/${endpoint.pool}`);
      return leaseMs === undefined ? [] : [{ endpoint, leaseMs }];
    });
    this.#byId = new Map(this.all.map((place) => [place.endpoint.id, place]));
    // A node is one endpoint's in one service and another's in the next, so each service has an index of its own.
    this.#indices = policy.services.map(({ name }) =>
      indexEndpoints(endpoints.filter(({ service }) => service === name)),
    );
  }

  byId(id: string): Place | undefined {
    return this.#byId.get(id);
  }

  find(subject: Subject): Place | 'NoEndpoint' | 'NotAllowed' {
    let meant = false;
    for (const index of this.#indices) {
      const at = placeOf(index, subject);
      if (at === NOWHERE) continue;
      meant = true;
      const place = this.#byId.get((index.endpoints[at] as Endpoint).id);
      if (place !== undefined) return place;
    }
    return meant ? 'NotAllowed' : 'NoEndpoint';
  }
}
