import type { EndpointDecision, ServiceDecision } from '../weights/index.ts';
import type { Freeze } from './operation.ts';
import { standingWords } from './words.ts';

const MAX_WEIGHT = 1000;

/**
 * A decision with the weights that stood when the freeze began. Who came since has none among them: its weight is the law's,
 * on the scale of those that are held, so that it ramps up as it would without the freeze.
 */
export function frozen(decision: ServiceDecision, freeze: Freeze): ServiceDecision {
  const { weights } = freeze;
  const held = decision.endpoints.filter(({ id, health }) => health === 'Healthy' && Object.hasOwn(weights, id));
  const sumHeld = held.reduce((sum, { id }) => sum + (weights[id] as number), 0);
  const sumLaw = held.reduce((sum, { weight }) => sum + weight, 0);
  const scale = sumLaw > 0 ? sumHeld / sumLaw : 1;
  const scaled = (weight: number): number => Math.min(MAX_WEIGHT, Math.max(1, Math.round(weight * scale)));
  const sent = decision.endpoints.map(({ id, weight }) =>
    Object.hasOwn(weights, id) ? (weights[id] as number) : scaled(weight),
  );
  const total = decision.endpoints.reduce(
    (sum, { health }, i) => sum + (health === 'Healthy' ? (sent[i] as number) : 0),
    0,
  );
  const words = standingWords(freeze);
  const endpoints = decision.endpoints.map((one, i): EndpointDecision => {
    const weight = sent[i] as number;
    if (one.health === 'Draining') return { ...one, weight, previousWeight: weight };
    const share = total > 0 ? weight / total : 0;
    const isHeld = Object.hasOwn(weights, one.id);
    return {
      ...one,
      weight,
      previousWeight: isHeld ? weight : scaled(one.previousWeight),
      share,
      computedShare: one.computedShare ?? one.share,
      clamps: [...one.clamps, 'Frozen'],
      operation: isHeld ? words : `it came after the weights of the others were frozen (${words})`,
    };
  });
  const first = endpoints.find(({ health }) => health === 'Healthy')?.weight;
  const equal = endpoints.every(({ weight, health }) => health === 'Draining' || weight === first);
  return { ...decision, outcome: 'Frozen', endpoints, equal };
}
