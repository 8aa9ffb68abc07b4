import { own } from '../../base/units/index.ts';
import { type OverloadState, saturationWithoutSpot } from '../../core/overload/index.ts';
import type { ModelService, Pool } from '../../core/policy/index.ts';
import { failoverView } from './failover-view.ts';
import type { EndpointView, OverloadView, PoolView, ServerView, ServiceView } from './server-view.ts';
import { decisionOf, type EndpointRow, endpointRows, finite, loadOf, type ViewInput } from './view-input.ts';
import { warmthView } from './warmth-view.ts';
import { zonesView } from './zones-view.ts';

/** @returns the state of the whole server; services and pools stand in the order of the policy. */
export function buildServerView(input: ViewInput): ServerView {
  return {
    version: input.version,
    startedAtMs: input.startedAtMs,
    nowMs: input.nowMs,
    revision: input.plan?.policyRevision ?? input.policy.revision,
    tick: input.tick,
    policy: input.policy,
    services: (input.plan?.policy.services ?? []).map((service) => serviceView(input, service)),
    nodes: input.nodes,
    sources: input.sources,
    operations: input.operations ?? [],
    tls: input.tls ?? null,
  };
}

function serviceView(input: ViewInput, service: ModelService): ServiceView {
  const decision = decisionOf(input, service.name);
  const rows = endpointRows(input, service);
  return {
    name: service.name,
    outcome: decision?.outcome ?? 'Undecided',
    decidedAtMs: decision?.decidedAtMs ?? null,
    overload: overloadView(own(input.overload ?? {}, service.name), withoutSpot(input, service, rows)),
    failover: failoverView(input, service),
    zones: zonesView(input, service),
    pools: [
      ...service.pools.map((pool) =>
        poolView(
          input,
          pool.name,
          rows.filter((row) => row.endpoint.pool === pool.name),
          { service, pool },
        ),
      ),
      ...removedPools(service, rows).map((name) =>
        poolView(
          input,
          name,
          rows.filter((row) => row.endpoint.pool === name),
        ),
      ),
    ],
  };
}

function overloadView(state: OverloadState | undefined, reserve: OverloadView['withoutSpot']): OverloadView | null {
  if (state === undefined) return null;
  const { saturation, words, level, rungs, percents, degrades: moved = {} } = state;
  const sheds = Object.entries(percents).map(([name, percent]) => ({ class: name, percent }));
  const degrades = Object.entries(moved).map(([name, { toPool, percent }]) => ({ class: name, pool: toPool, percent }));
  return { saturation, reason: words, level, levels: rungs, sheds, degrades, withoutSpot: reserve };
}

function withoutSpot(
  input: ViewInput,
  service: ModelService,
  rows: readonly EndpointRow[],
): OverloadView['withoutSpot'] {
  const load = loadOf(input, service.name);
  if (load === undefined) return null;
  // Who is taken out by hand drains by decision alone.
  const known = rows.flatMap(({ endpoint, load: own, state }) =>
    own === undefined ? [] : [{ own, endpoint: state === 'Draining' ? { ...endpoint, lifecycle: state } : endpoint }],
  );
  const saturation = saturationWithoutSpot(
    service,
    { ...load, endpoints: known.map(({ own }) => own) },
    known.map(({ endpoint }) => endpoint),
  );
  if (saturation === undefined) return null;
  return { saturation: saturation.kind === 'Known' ? saturation.ratio : null, reason: saturation.words };
}

/** Pools that the policy has no more, whose endpoints finish what they have. */
function removedPools({ pools }: ModelService, rows: readonly EndpointRow[]): readonly string[] {
  const names = new Set(rows.map(({ endpoint }) => endpoint.pool));
  for (const { name } of pools) names.delete(name);
  return [...names].sort();
}

/** `known`: absent where the policy has it no more. */
function poolView(
  input: ViewInput,
  name: string,
  rows: readonly EndpointRow[],
  known?: { readonly service: ModelService; readonly pool: Pool },
): PoolView {
  const note = known === undefined ? 'removed from the policy: its endpoints drain' : poolNote(known.pool, rows.length);
  const members = rows.map(({ endpoint }) => endpoint);
  return {
    name,
    split: rows.reduce((sum, row) => sum + (row.decision?.share ?? 0), 0),
    ...(note === undefined ? {} : { note }),
    warmth: known === undefined ? null : warmthView(input, known.service, known.pool, members),
    endpoints: rows.map((row) => endpointView(input, row)),
  };
}

function poolNote(pool: Pool, endpoints: number): string | undefined {
  if (endpoints > 0) return undefined;
  switch (pool.endpoints.kind) {
    case 'Kubernetes':
      return 'empty: endpoints.kubernetes is accepted, not enforced yet';
    case 'Dns':
      return 'empty: endpoints.dns is accepted, not enforced yet';
    case 'Static':
      return 'empty: no endpoints';
  }
}

function endpointView(input: ViewInput, row: EndpointRow): EndpointView {
  const { endpoint, decision, load } = row;
  return {
    id: endpoint.id,
    address: endpoint.address,
    port: endpoint.port,
    weight: decision?.weight ?? 0,
    share: decision?.share ?? 0,
    issuedShare: finite(own(input.issuedShares, endpoint.id)),
    pressure: finite(load?.pressure),
    inFlight: finite(load?.inFlight),
    ageMs: finite(load?.ageMs),
    signalAgesMs: own(input.signalAgesMs, endpoint.id) ?? {},
    signalStates: Object.fromEntries(
      (own(input.signals, endpoint.id) ?? []).map(({ signal, state }) => [signal, state]),
    ),
    gpuFault: load?.gpuFault?.words ?? null,
    leavingSinceMs: endpoint.leavingSinceMs ?? null,
    state: row.state,
    reason: row.reason,
  };
}
