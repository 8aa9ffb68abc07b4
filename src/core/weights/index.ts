export type { EndpointDecision, Outcome, ServiceDecision, Terms } from './decision.ts';
export { restingWeights, stepWeights, type WeightsInput, type WeightsOptions } from './step-weights.ts';
export type { WeightsState } from './weights-state.ts';
export { weightsText } from './weights-text.ts';
