import { own } from '../../base/units/index.ts';
import type { Endpoint } from '../topology/index.ts';
import { type EndpointDecision, sameDecision } from '../weights/index.ts';
import type { Plan } from './plan.ts';

/** Whether two plans make the same resources. Terms and reasons may differ: they are told, not sent. */
export function samePlan(a: Plan, b: Omit<Plan, 'sequence'>): boolean {
  return (
    a.policyRevision === b.policyRevision &&
    JSON.stringify(a.sidecars) === JSON.stringify(b.sidecars) &&
    JSON.stringify(a.sheds ?? {}) === JSON.stringify(b.sheds ?? {}) &&
    sameByService(a.endpoints, b.endpoints, sameEndpoint) &&
    sameByService(endpointDecisions(a), endpointDecisions(b), sameDecision)
  );
}

function sameByService<T>(
  a: Readonly<Record<string, readonly T[]>>,
  b: Readonly<Record<string, readonly T[]>>,
  same: (one: T, other: T) => boolean,
): boolean {
  const names = Object.keys(b);
  return (
    Object.keys(a).length === names.length &&
    names.every((name) => {
      const [ours, theirs] = [own(a, name), own(b, name) ?? []];
      return ours?.length === theirs.length && ours.every((one, at) => same(one, theirs[at] as T));
    })
  );
}

/** Mostly the very object that the source gave before. */
function sameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function endpointDecisions({
  decisions,
}: Pick<Plan, 'decisions'>): Readonly<Record<string, readonly EndpointDecision[]>> {
  return Object.fromEntries(Object.entries(decisions).map(([name, { endpoints }]) => [name, endpoints]));
}
