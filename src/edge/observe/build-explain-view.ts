import { own, type Result } from '../../base/units/index.ts';
import type { EndpointLoad, SignalBelief } from '../../core/load/index.ts';
import type { ServiceDecision } from '../../core/weights/index.ts';
import type { BeliefView, EndpointExplanation, ExplainTarget, ExplainView, LoopView } from './explain-view.ts';
import { failoverView } from './failover-view.ts';
import { decisionOf, type EndpointRow, endpointRows, finite, loadOf, type ViewInput } from './view-input.ts';
import { zonesView } from './zones-view.ts';

/** Enough to find a misspelt name in, short enough for an error message. */
const KNOWN_NAMES_SHOWN = 20;

/**
 * @returns why the weights of the target are what they are, or one issue (`NotFound`) that lists the known names when
 * there is no such service, pool or endpoint.
 */
export function buildExplainView(input: ViewInput, target: ExplainTarget): Result<ExplainView> {
  const services = input.plan?.policy.services ?? [];
  const service = services.find((candidate) => candidate.name === target.service);
  if (service === undefined) return notFound('service', target.service, nameList(services));
  let rows = endpointRows(input, service);
  if (target.pool !== undefined) {
    const { pool } = target;
    if (!service.pools.some((candidate) => candidate.name === pool)) {
      return notFound('pool', pool, nameList(service.pools));
    }
    rows = rows.filter((row) => row.endpoint.pool === pool);
  }
  if (target.endpoint !== undefined) {
    const known = rows.map(endpointName);
    rows = rows.filter((row) => endpointName(row) === target.endpoint);
    if (rows.length === 0) return notFound('endpoint', target.endpoint, known);
  }
  const decision = decisionOf(input, service.name);
  const load = loadOf(input, service.name);
  const notes = input.notes?.(service.name);
  const evenness = input.evenness?.(service.name);
  return {
    ok: true,
    warnings: [],
    value: {
      service: service.name,
      outcome: decision?.outcome ?? 'Undecided',
      equal: decision?.equal ?? true,
      nowMs: input.nowMs,
      decidedAtMs: decision?.decidedAtMs ?? null,
      sidecars: load?.sidecars ?? 0,
      loadReports: load?.loadReports ?? 'Silent',
      requestTimeSec: finite(load?.requestTimeSec),
      meanInFlightPerSidecar: finite(load?.meanInFlightPerSidecar),
      goodPressure: finite(load?.goodPressure),
      imbalance: finite(evenness?.imbalance),
      counterfactual: evenness?.counterfactual ?? null,
      loop: loopView(input, decision),
      operations: (input.operations ?? []).filter((one) => one.service === service.name),
      failover: failoverView(input, service),
      zones: zonesView(input, service),
      probe: input.probe?.(service.name) ?? null,
      endpoints: rows.map((row) => explanation(input, row, decision, notes?.get(row.endpoint.id) ?? [])),
    },
  };
}

function loopView(input: ViewInput, decision: ServiceDecision | undefined): LoopView | null {
  if (decision?.loop === undefined) return null;
  const { reportsSec, ackSec, picksSec } = input.loopDelay?.(decision.service) ?? {};
  const measured = { reportsSec: finite(reportsSec), ackSec: finite(ackSec), picksSec: finite(picksSec) };
  return { ...decision.loop, ...measured };
}

/** `address:port`: an endpoint's id without its service and pool. */
function endpointName({ endpoint }: EndpointRow): string {
  return endpoint.id.slice(`${endpoint.service}/${endpoint.pool}/`.length);
}

function nameList(named: readonly { readonly name: string }[]): readonly string[] {
  return named.map((item) => item.name);
}

function notFound(what: string, name: string, known: readonly string[]): Result<ExplainView> {
  const more = known.length - KNOWN_NAMES_SHOWN;
  const list = known.slice(0, KNOWN_NAMES_SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
  const message = `no ${what} ${JSON.stringify(name)}; ${known.length === 0 ? `there is no ${what} at all` : `known: ${list}`}`;
  return { ok: false, issues: [{ code: 'NotFound', path: what, message }] };
}

function explanation(
  input: ViewInput,
  row: EndpointRow,
  service: ServiceDecision | undefined,
  notes: readonly string[],
): EndpointExplanation {
  const { endpoint, decision, load } = row;
  return {
    id: endpoint.id,
    pool: endpoint.pool,
    address: endpoint.address,
    port: endpoint.port,
    state: row.state,
    previousWeight: decision?.previousWeight ?? 0,
    weight: decision?.weight ?? 0,
    shadowWeight: finite(own(service?.shadowWeights, endpoint.id)),
    share: decision?.share ?? 0,
    issuedShare: finite(own(input.issuedShares, endpoint.id)),
    reason: row.reason,
    terms: decision?.terms ?? null,
    clamps: decision?.clamps ?? [],
    belief: load === undefined ? null : belief(load, notes, own(input.signals, endpoint.id) ?? []),
  };
}

function belief(load: EndpointLoad, notes: readonly string[], signals: readonly SignalBelief[]): BeliefView {
  return {
    inFlight: load.inFlight,
    inFlightPerSidecar: load.inFlightPerSidecar,
    foreign: load.foreign,
    slots: load.slots,
    slotsKnown: load.slotsKnown,
    logCapacity: load.logCapacity,
    capacitySource: load.capacitySource,
    freshness: load.engine,
    gate: load.gpuGate,
    gpuUtilRatio: finite(load.gpuUtilRatio),
    kvUsageRatio: finite(load.kvUsageRatio),
    running: finite(load.running),
    waiting: finite(load.waiting),
    pressure: load.pressure,
    errorsPerSec: load.errorsPerSec,
    errorRatio: load.errorRatio,
    bad: load.bad,
    waitingForFirst: load.waiting1st,
    rampAgeSec: finite(load.rampAgeSec),
    ageMs: finite(load.ageMs),
    notes,
    signals: signals.map(({ signal, state, why }) => ({ signal, state, why: why ?? '' })),
  };
}
