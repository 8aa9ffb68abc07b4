import type { EndpointId } from '../topology/index.ts';
import type { EndpointDecision, ServiceDecision } from '../weights/index.ts';

/**
 * Somebody's bounded, passing change of one endpoint's weight: input of the tick, never its state. It has an end of its own,
 * and where it is not given any more (the server restarted, who asked for it went away) the next tick is without it.
 */
export type Perturbation = {
  readonly kind: 'Probe';
  readonly service: string;
  readonly endpoint: EndpointId;
  /** The weight is multiplied by 1 + step for one hold, then divided by it for another. */
  readonly stepRatio: number;
  readonly startAtMs: number;
  readonly holdMs: number;
  /** Why, in the words of who asked. */
  readonly reason: string;
};

export function endAtMs({ startAtMs, holdMs }: Pick<Perturbation, 'startAtMs' | 'holdMs'>): number {
  return startAtMs + 2 * holdMs;
}

/** What the weight is multiplied by at a time. */
export function factorAt({ stepRatio, startAtMs, holdMs }: Perturbation, nowMs: number): number {
  const sinceMs = nowMs - startAtMs;
  if (sinceMs < 0 || sinceMs >= 2 * holdMs) return 1;
  return sinceMs < holdMs ? 1 + stepRatio : 1 / (1 + stepRatio);
}

/**
 * A decision with the perturbations of its service on top. The law knows nothing of them: what it remembers are the weights
 * that it chose, so their end needs no undoing.
 */
export function perturbed(
  decision: ServiceDecision,
  perturbations: readonly Perturbation[],
  nowMs: number,
  stood: ServiceDecision | undefined,
): ServiceDecision {
  if (perturbations.length === 0 && stood?.perturbed !== true) return decision;
  const own = perturbations.filter(({ service }) => service === decision.service);
  const factors = new Map(own.map((one) => [one.endpoint, { factor: factorAt(one, nowMs), reason: one.reason }]));
  const touched = decision.endpoints.some(({ id }) => (factors.get(id)?.factor ?? 1) !== 1);
  if (!touched && stood?.perturbed !== true) return decision;
  const raw = decision.endpoints.map(({ id, weight }) => weight * (factors.get(id)?.factor ?? 1));
  const top = Math.max(...raw);
  const most = Math.max(...decision.endpoints.map(({ weight }) => weight));
  const sent = new Map(stood?.endpoints.map(({ id, weight }) => [id, weight]));
  const endpoints = decision.endpoints.map((one, i): EndpointDecision => {
    const { factor = 1, reason = '' } = factors.get(one.id) ?? {};
    const previousWeight = sent.get(one.id) ?? one.previousWeight;
    if (!touched) return { ...one, previousWeight };
    const weight = Math.max(1, Math.round(((raw[i] as number) * most) / top));
    if (factor === 1) return { ...one, weight, previousWeight };
    const told = `a probe multiplies its weight by ${factor.toFixed(2)} for now (${reason})`;
    return { ...one, weight, previousWeight, probe: told, clamps: [...one.clamps, 'Probe'] };
  });
  if (!touched) return { ...decision, endpoints };
  const first = endpoints.find(({ health }) => health === 'Healthy')?.weight;
  const equal = endpoints.every(({ weight, health }) => health === 'Draining' || weight === first);
  return { ...decision, endpoints, equal, perturbed: true };
}
