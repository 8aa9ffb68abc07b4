import type { Policy } from '../policy/index.ts';
import type { Endpoint } from '../topology/index.ts';
import type { ServiceDecision } from '../weights/index.ts';
import type { ZoneBalance } from '../zones/index.ts';

/**
 * Everything that compile needs and nothing else. Serialisable as JSON: it is checkpointed with the state of the law,
 * so that a restart sends nothing new.
 */
export type Plan = {
  readonly policyRevision: string;
  /** Rises by one with every plan that differs from its predecessor. */
  readonly sequence: number;
  readonly policy: Policy;
  /** By service name; sorted by id. */
  readonly endpoints: Readonly<Record<string, readonly Endpoint[]>>;
  readonly decisions: Readonly<Record<string, ServiceDecision>>;
  /** Node ids of connected sidecars by group (sorted): the even shares of group limits. */
  readonly sidecars: Readonly<Record<string, readonly string[]>>;
  /** Percentage of new requests that is shed, by service, and by service and class (`chat/P2`); absent: none. */
  readonly sheds?: Readonly<Record<string, number>>;
  /** Percentage of what is not shed of a service and class (`chat/P1`) that goes to the pool its ladder names; absent: none. */
  readonly degrades?: Readonly<Record<string, number>>;
  /** Clusters (`chat`, or `chat/gpu` of a fixed split) in which nothing is tried again now, because all servers that their retries can reach fail; sorted. Absent: none. */
  readonly retryCuts?: readonly string[];
  /** By service, where Loadline sends a part of the requests from one tier to the next; absent: nowhere. */
  readonly failovers?: Readonly<Record<string, TierFailover>>;
  /** By service that keeps requests in their zone; absent: none does. */
  readonly zones?: Readonly<Record<string, ZoneBalance>>;
};

/** Of a hundred new requests so many go from one tier to another (both as places in the policy's list), 1..100. */
export type TierFailover = { readonly from: number; readonly to: number; readonly percent: number };
