import { own } from '../../base/units/index.ts';
import { timeText } from '../operations/index.ts';
import type { ModelService } from '../policy/index.ts';
import { type Endpoint, type EndpointId, hostPort } from '../topology/index.ts';
import type { Plan } from './plan.ts';

export type LeavingFacts = {
  readonly nowMs: number;
  /** As of the last tick; undefined: nobody knows. */
  readonly openRequests: (id: EndpointId) => number | undefined;
};

/**
 * So long nothing counts as idle: a report is up to a second old, and a sidecar sends requests until it has heard that the endpoint
 * drains.
 */
const SETTLE_MS = 5000;

/**
 * Who was there at the last tick, is in no pool now, and is not done: it takes nothing new and finishes what it has, as long as
 * `drain` of the service lets it. It stands by itself in the Plan, so that a restart goes on with it. One whose server is in
 * another pool of the service now is gone: Envoy knows an address once.
 */
export function leaversOf(
  { drain, pools, split }: ModelService,
  members: readonly Endpoint[],
  last: readonly Endpoint[],
  { nowMs, openRequests }: LeavingFacts,
): readonly Endpoint[] {
  if (drain === undefined) return [];
  const stay = new Set(members.map(({ id }) => id));
  const served = new Set(members.map(({ address, port }) => hostPort(address, port)));
  // The cluster of a pool of a fixed split goes with its pool.
  const hasCluster = ({ pool }: Endpoint): boolean =>
    split?.kind !== 'Fixed' || pools.some(({ name }) => name === pool);
  return last.flatMap((one): Endpoint[] => {
    if (stay.has(one.id) || served.has(hostPort(one.address, one.port)) || !hasCluster(one)) return [];
    const { leavingSinceMs } = one;
    if (leavingSinceMs === undefined) return [{ ...one, lifecycle: 'Draining', leavingSinceMs: nowMs }];
    const leavesForMs = nowMs - leavingSinceMs;
    const isDone = leavesForMs >= SETTLE_MS && openRequests(one.id) === 0;
    return isDone || leavesForMs >= drain.deadlineMs ? [] : [one];
  });
}

/** Why those who leave a service are still there, in a sentence each. */
export function leavingReasons(plan: Plan, service: string): ReadonlyMap<EndpointId, string> {
  const drain = plan.policy.services.find(({ name }) => name === service)?.drain;
  const reasons = new Map<EndpointId, string>();
  for (const { id, leavingSinceMs } of own(plan.endpoints, service) ?? [])
    if (leavingSinceMs !== undefined)
      reasons.set(
        id,
        `drains: it left its pool, takes no new requests, and goes when none is open there, at ${timeText(leavingSinceMs + (drain?.deadlineMs ?? 0))} at the latest`,
      );
  return reasons;
}
