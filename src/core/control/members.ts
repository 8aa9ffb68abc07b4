import type { ModelService } from '../policy/index.ts';
import type { Endpoint, EndpointSet } from '../topology/index.ts';
import { type LeavingFacts, leaversOf } from './leavers.ts';

/**
 * The endpoints of a service, sorted by id: those of its pools, and those that left and are not done. A pool whose source has not
 * answered keeps those of the last Plan: a silent source never empties a pool (design law 7). While nobody comes or goes it is the
 * very list of the last Plan, so that what was made of a list (an index) stands.
 */
export function membersOf(
  service: ModelService,
  sets: readonly EndpointSet[],
  last: readonly Endpoint[],
  facts: LeavingFacts,
): readonly Endpoint[] {
  const members: Endpoint[] = [];
  for (const pool of service.pools) {
    const set = sets.find((candidate) => candidate.service === service.name && candidate.pool === pool.name);
    if (set?.complete) members.push(...sorted(set.endpoints));
    else members.push(...last.filter((one) => one.pool === pool.name && one.leavingSinceMs === undefined));
  }
  members.sort(byId);
  if (isSame(members, last)) return last;
  const leavers = leaversOf(service, members, last, facts);
  if (leavers.length === 0) return members;
  const all = [...members, ...leavers].sort(byId);
  return isSame(all, last) ? last : all;
}

function isSame(members: readonly Endpoint[], last: readonly Endpoint[]): boolean {
  return members.length === last.length && members.every((endpoint, i) => endpoint === last[i]);
}

const sortedLists = new WeakMap<readonly Endpoint[], readonly Endpoint[]>();

/** Once for a list: pools in order are quickly sorted into one. */
function sorted(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  let list = sortedLists.get(endpoints);
  if (list === undefined) {
    list = [...endpoints].sort(byId);
    sortedLists.set(endpoints, list);
  }
  return list;
}

function byId(a: Endpoint, b: Endpoint): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
