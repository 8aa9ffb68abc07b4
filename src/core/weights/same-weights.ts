import type { EndpointDecision, ServiceDecision } from './decision.ts';

/** Whether Envoys get the same of two decisions; of one that is not there they get nothing. */
export function sameWeights(a: ServiceDecision | undefined, b: ServiceDecision | undefined): boolean {
  const [ours, theirs] = [a?.endpoints ?? NONE, b?.endpoints ?? NONE];
  return ours.length === theirs.length && ours.every((one, i) => sameDecision(one, theirs[i] as EndpointDecision));
}

const NONE: readonly EndpointDecision[] = [];

function sameDecision(one: EndpointDecision, other: EndpointDecision): boolean {
  return one.id === other.id && one.weight === other.weight && one.health === other.health;
}
