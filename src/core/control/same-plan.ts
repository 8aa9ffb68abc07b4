import { own } from '../../base/units/index.ts';
import type { Endpoint } from '../topology/index.ts';
import { sameWeights } from '../weights/index.ts';
import type { Plan } from './plan.ts';

/** Whether two plans make the same resources. Terms and reasons may differ: they are told, not sent. */
export function samePlan(a: Plan, b: Omit<Plan, 'sequence'>): boolean {
  return (
    a.policyRevision === b.policyRevision &&
    JSON.stringify(a.sidecars) === JSON.stringify(b.sidecars) &&
    JSON.stringify(a.sheds ?? {}) === JSON.stringify(b.sheds ?? {}) &&
    JSON.stringify(a.degrades ?? {}) === JSON.stringify(b.degrades ?? {}) &&
    JSON.stringify(a.retryCuts ?? []) === JSON.stringify(b.retryCuts ?? []) &&
    JSON.stringify(a.failovers ?? {}) === JSON.stringify(b.failovers ?? {}) &&
    JSON.stringify(a.zones ?? {}) === JSON.stringify(b.zones ?? {}) &&
    sameByService(a.endpoints, b.endpoints, sameEndpoints) &&
    sameByService(a.decisions, b.decisions, sameWeights)
  );
}

function sameByService<T>(
  a: Readonly<Record<string, T>>,
  b: Readonly<Record<string, T>>,
  same: (one: T, other: T) => boolean,
): boolean {
  const names = Object.keys(b);
  if (Object.keys(a).length !== names.length) return false;
  for (const name of names) {
    const ours = own(a, name);
    if (ours === undefined || !same(ours, b[name] as T)) return false;
  }
  return true;
}

/** Mostly the very list of the last Plan. */
function sameEndpoints(ours: readonly Endpoint[], theirs: readonly Endpoint[]): boolean {
  if (ours === theirs) return true;
  return ours.length === theirs.length && ours.every((one, i) => sameEndpoint(one, theirs[i] as Endpoint));
}

/** Mostly the very object that the source gave before. */
function sameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
