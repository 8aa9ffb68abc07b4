import { type LoadInput, type LoadState, type ServiceLoad, stepLoad } from '../../../src/core/load/index.ts';
import { type ServiceDecision, stepWeights, type WeightsState } from '../../../src/core/weights/index.ts';
import { OPTIONS } from '../weights/beliefs.ts';

/** All that is remembered of a service between two ticks. */
export type Memory = { readonly load: LoadState | undefined; readonly weights: WeightsState | undefined };

export type Tick = { readonly memory: Memory; readonly load: ServiceLoad; readonly decision: ServiceDecision };

export const NOTHING: Memory = { load: undefined, weights: undefined };

/** One second of the law, from what came in to what is sent. */
export function step(before: Memory, input: LoadInput): Tick {
  const { state, load } = stepLoad(before.load, input);
  const { nowMs, service, endpoints } = input;
  const decided = stepWeights(before.weights, { nowMs, service, endpoints, load, options: OPTIONS });
  return { memory: { load: state, weights: decided.state }, load, decision: decided.decision };
}
