import { own } from '../../base/units/index.ts';
import type { EndpointDecision, ServiceDecision } from '../../core/weights/index.ts';
import type { DecidedEndpoint, DecidedService, DecisionView } from './decision-view.ts';

/**
 * What is to tell of a decision to a reader who knows of an older one; of all endpoints to one who knows of none. Shares alone
 * move with every breath of the load: they are told beside what changed, and are no change.
 */
export function buildDecisionView(told: DecidedService | undefined, now: DecidedService): DecisionView {
  const { service, tick, atMs, turn, decision } = now;
  const reasons = now.reasons();
  const before = new Map(told?.decision.endpoints.map((one) => [one.id, one]));
  const rows = decision.endpoints.flatMap((one) => {
    const was = before.get(one.id);
    before.delete(one.id);
    if (told !== undefined && was !== undefined && !changed(told.decision, was, decision, one)) return [];
    return [row(decision, one, was, reasons.get(one.id) ?? '', told === undefined)];
  });
  return {
    service,
    tick,
    atMs,
    outcome: decision.outcome,
    // A service that went and came back is counted anew.
    skipped: told === undefined ? 0 : Math.max(0, turn - told.turn - 1),
    complete: told === undefined,
    endpoints: [...rows, ...[...before.values()].map(gone)],
  };
}

/** Whether a reader would want to know. */
export function decisionChanged(before: ServiceDecision, now: ServiceDecision): boolean {
  return (
    before.endpoints.length !== now.endpoints.length ||
    now.endpoints.some((one, at) => {
      const was = before.endpoints[at];
      return was === undefined || was.id !== one.id || changed(before, was, now, one);
    })
  );
}

function changed(
  before: ServiceDecision,
  was: EndpointDecision,
  after: ServiceDecision,
  is: EndpointDecision,
): boolean {
  return was.weight !== is.weight || was.health !== is.health || computed(before, was) !== computed(after, is);
}

function computed({ shadowWeights }: ServiceDecision, { id }: EndpointDecision): number | null {
  return own(shadowWeights, id) ?? null;
}

function row(
  decision: ServiceDecision,
  one: EndpointDecision,
  was: EndpointDecision | undefined,
  reason: string,
  isFirst: boolean,
): DecidedEndpoint {
  const { id, weight, share, health, clamps } = one;
  return {
    id,
    previousWeight: isFirst ? weight : (was?.weight ?? null),
    weight,
    computedWeight: computed(decision, one),
    previousShare: isFirst ? share : (was?.share ?? null),
    share,
    health,
    clamps,
    reason,
  };
}

function gone({ id, weight, share }: EndpointDecision): DecidedEndpoint {
  return {
    id,
    previousWeight: weight,
    weight: null,
    computedWeight: null,
    previousShare: share,
    share: null,
    health: 'Gone',
    clamps: [],
    reason: 'is no endpoint of the service any more',
  };
}
