import type { ServiceDecision } from './decision.ts';

/** What Envoys get of a decision, to tell whether two are the same; '' when there is none. */
export function weightsText(decision: ServiceDecision | undefined): string {
  return decision?.endpoints.map(({ id, weight, health }) => `${id} ${weight} ${health}`).join('\n') ?? '';
}
