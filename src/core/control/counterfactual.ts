import type { ServiceLoad } from '../load/index.ts';
import type { EndpointId } from '../topology/index.ts';
import type { ServiceDecision } from '../weights/index.ts';

/** Share of the service's new requests, 0..1: issued by the sidecars now, and estimated with the computed weights. */
export type ShareMove = { readonly id: EndpointId; readonly now: number; readonly estimated: number };

export type Counterfactual = {
  /** Estimated max/mean of in flight per slot, were the computed weights sent. */
  readonly imbalance: number;
  /** All endpoints that take requests; who gains most first, who loses most last. */
  readonly moves: readonly ShareMove[];
};

const ROUNDS = 60;

/** max(N/B) / mean(N/B) over the endpoints that take requests, as they are: 1 is even. Undefined while all are idle. */
export function imbalanceOf(load: ServiceLoad, decision: ServiceDecision): number | undefined {
  const active = takers(load, decision);
  return maxOverMean(active.map(({ belief }) => belief.inFlight / belief.slots));
}

/**
 * What the computed weights w' would do where others, w, are sent (Shadow, or a part of them).
 *
 * Each endpoint's share q moves by a factor x. `least_request` picks in proportion to weight / (in flight + 1), so the share
 * goes with w'/w and against the in-flight that it brings itself, a·x per sidecar when requests keep the time that they
 * take there (Little's law): x (a x + 1) = λ (a + 1) w'/w, with λ such that the shares still sum to 1. Round robin has no
 * divisor: x = λ w'/w. In flight then is N·x for what came through the sidecars, plus foreign work as it is.
 *
 * An estimate: request times are believed not to change, and they do where a queue shortens, so the gain is understated
 * there. Undefined where nothing else than the computed weights is sent, or no sidecar reports what it issues.
 */
export function counterfactualOf(
  load: ServiceLoad,
  decision: ServiceDecision,
  issuedShares: Readonly<Record<EndpointId, number>>,
  leastRequest: boolean,
): Counterfactual | undefined {
  const { shadowWeights } = decision;
  if (shadowWeights === undefined || load.loadReports === 'Silent') return undefined;
  const active = takers(load, decision).map(({ belief, weight, id }) => ({
    id,
    belief,
    now: issuedShares[id] ?? 0,
    ratio: (shadowWeights[id] ?? weight) / weight,
    perSidecar: leastRequest ? Math.max(0, belief.inFlightPerSidecar) : 0,
  }));
  const issued = active.reduce((sum, { now }) => sum + now, 0);
  if (issued < 1e-6) return undefined;
  const factors = (lambda: number): number[] =>
    active.map(({ ratio, perSidecar: a }) => factorOf(lambda * (a + 1) * ratio, a));
  const total = (lambda: number): number => factors(lambda).reduce((sum, x, i) => sum + x * (active[i]?.now ?? 0), 0);
  // The sum rises with λ; every x is 1 where λ is the w/w' of its endpoint, so λ lies between the extremes of those.
  const inverse = active.map(({ ratio }) => 1 / ratio);
  let low = Math.min(...inverse);
  let high = Math.max(...inverse);
  for (let round = 0; round < ROUNDS; round++) {
    const middle = (low + high) / 2;
    if (total(middle) < issued) low = middle;
    else high = middle;
  }
  const solved = factors((low + high) / 2);
  const imbalance = maxOverMean(
    active.map(({ belief: { inFlight, foreign, slots } }, i) => {
      const own = Math.max(0, inFlight - foreign);
      return (own * (solved[i] as number) + foreign) / slots;
    }),
  );
  if (imbalance === undefined) return undefined;
  const moves = active.map(({ id, now }, i) => ({ id, now, estimated: now * (solved[i] as number) }));
  return { imbalance, moves: moves.sort((a, b) => b.estimated - b.now - (a.estimated - a.now)) };
}

/** The x of x (a x + 1) = pull. */
function factorOf(pull: number, a: number): number {
  return a < 1e-9 ? pull : (Math.sqrt(1 + 4 * a * pull) - 1) / (2 * a);
}

function takers(load: ServiceLoad, decision: ServiceDecision) {
  const beliefs = new Map(load.endpoints.map((one) => [one.id, one]));
  return decision.endpoints.flatMap(({ id, weight, health }) => {
    const belief = beliefs.get(id);
    return belief === undefined || health === 'Draining' ? [] : [{ id, weight, belief }];
  });
}

function maxOverMean(values: readonly number[]): number | undefined {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.length === 0 || !(mean > 0) ? undefined : Math.max(...values) / mean;
}
