export type { EndpointDecision, Outcome, ServiceDecision, Terms } from './decision.ts';
export { heldAt } from './held.ts';
export { reasonsOf } from './reason.ts';
export { sameWeights } from './same-weights.ts';
export { restingWeights, stepWeights, type WeightsInput, type WeightsOptions } from './step-weights.ts';
export type { WeightsState } from './weights-state.ts';
