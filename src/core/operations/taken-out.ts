import { carriersOf, type ModelService } from '../policy/index.ts';
import type { Endpoint, EndpointId } from '../topology/index.ts';
import { interruptionOf } from './interruption.ts';
import type { Operation } from './operation.ts';

export type TakenOut = {
  /** Who takes no new requests, and the operation that says so. */
  readonly by: ReadonlyMap<EndpointId, Operation>;
  /** Operations that have no effect now: with them nobody would be left, and nobody has forced that. */
  readonly suspended: readonly Operation[];
};

const NOBODY: TakenOut = { by: new Map(), suspended: [] };

/**
 * Whom the operations take out of one service. Each was checked when it began, but endpoints may leave since: one that was not
 * forced and would leave nobody to take requests is suspended, the newest first, until somebody is there again. A machine that goes
 * away comes before all that somebody wants: who is drained by hand takes requests again rather than that it does.
 */
export function takenOut(operations: readonly Operation[], service: Carried, endpoints: readonly Endpoint[]): TakenOut {
  const ours = operations.filter((one) => one.service === service.name && isDrain(one));
  if (ours.length === 0) return NOBODY;
  const active = endpoints.filter(({ lifecycle }) => lifecycle === 'Active');
  const known = new Map(endpoints.map((one) => [one.id, one]));
  const by = new Map<EndpointId, Operation>();
  const suspended: Operation[] = [];
  for (const operation of [...ours].sort(byPrecedence)) {
    const out = namedBy(operation, endpoints, known).filter(({ id }) => !by.has(id));
    const ids = new Set(out.map(({ id }) => id));
    const stays = isCarried(service, active, ({ id }) => !by.has(id) && !ids.has(id));
    if (!stays && !operation.forced && active.some(({ id }) => ids.has(id))) suspended.push(operation);
    else for (const { id } of out) by.set(id, operation);
  }
  return { by, suspended };
}

/** What a service says about who may take its requests. */
export type Carried = Pick<ModelService, 'name' | 'pools' | 'split'>;

/** Whether every part of the requests that somebody takes now still has somebody among those that stay. */
export function isCarried(
  service: Carried,
  active: readonly Endpoint[],
  stays: (endpoint: Endpoint) => boolean,
): boolean {
  return carriersOf(service).every((pools) => {
    const able = active.filter(({ pool }) => pools.includes(pool));
    return able.length === 0 || able.some(stays);
  });
}

/** A cloud may call back hundreds of machines at once: each of them is looked up, and not searched for. */
function namedBy(
  operation: Operation,
  endpoints: readonly Endpoint[],
  known: ReadonlyMap<EndpointId, Endpoint>,
): readonly Endpoint[] {
  if (operation.kind !== 'Drain' || operation.endpoint === undefined)
    return endpoints.filter((endpoint) => takesOut(operation, endpoint));
  const endpoint = known.get(`${operation.service}/${operation.pool}/${operation.endpoint}`);
  return endpoint === undefined ? [] : [endpoint];
}

/** Whether an operation asks this endpoint of its service to take no new requests. */
export function takesOut(operation: Operation, { pool, id }: Pick<Endpoint, 'pool' | 'id'>): boolean {
  if (operation.kind === 'Failover')
    return operation.to === undefined ? pool === operation.from : pool !== operation.to;
  if (operation.kind !== 'Drain') return false;
  if (operation.pool === undefined) return true;
  if (operation.endpoint === undefined) return pool === operation.pool;
  // Compared by its parts: of thousands of endpoints and operations no name is put together.
  const { service, pool: named, endpoint } = operation;
  return pool === named && id.length === service.length + named.length + endpoint.length + 2 && id.endsWith(endpoint);
}

export function isDrain({ kind }: Operation): boolean {
  return kind === 'Drain' || kind === 'Failover';
}

const seen = new WeakMap<readonly Endpoint[], { readonly out: string; readonly list: readonly Endpoint[] }>();

/**
 * The endpoints as the law is to see them: who is taken out drains, as if discovery had said so. The same list each time while
 * nothing changes, so that what was made of it (an index) stands.
 */
export function withTakenOut(endpoints: readonly Endpoint[], { by }: TakenOut): readonly Endpoint[] {
  if (by.size === 0) return endpoints;
  const out = [...by.keys()].join(' ');
  const known = seen.get(endpoints);
  if (known?.out === out) return known.list;
  const list = endpoints.map((one): Endpoint => (by.has(one.id) ? { ...one, lifecycle: 'Draining' } : one));
  seen.set(endpoints, { out, list });
  return list;
}

/** A machine that goes away is gone before whatever somebody wants; then the older comes first, of one moment that which was begun first. */
function byPrecedence(a: Operation, b: Operation): number {
  const goes = (one: Operation): number => (interruptionOf(one) === undefined ? 1 : 0);
  return goes(a) - goes(b) || a.startedAtMs - b.startedAtMs;
}
