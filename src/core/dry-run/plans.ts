import { type ControlState, type Plan, tick } from '../control/index.ts';
import type { Operation } from '../operations/index.ts';
import type { Policy } from '../policy/index.ts';
import type { EndpointSet } from '../topology/index.ts';

export type PlansInput = {
  /** What the controller knows now. It is only read. */
  readonly state: ControlState;
  /** Undefined: there is no policy yet. */
  readonly current: Policy | undefined;
  readonly candidate: Policy;
  readonly endpointSets: (policy: Policy) => readonly EndpointSet[];
  /** What operators do by hand: it goes on under either policy. */
  readonly operations: readonly Operation[];
  readonly nowMs: number;
};

/** Later than the last tick by so much, as the next one will be: an earlier one would hold every weight as too new. */
const TICK_MS = 1000;

/**
 * What the next tick would decide under either policy, from the same beliefs and hearing the same: nothing. The Plan in force
 * would be no fair other side: the time that passes moves weights too, and that is not the candidate's doing. With a pause
 * between the two.
 */
export function* plansUnder(
  input: PlansInput,
): Generator<undefined, { readonly before: Plan | undefined; readonly after: Plan }> {
  const { state, current, candidate, endpointSets, operations } = input;
  const nowMs = Math.max(input.nowMs, state.atMs + TICK_MS);
  const planOf = (policy: Policy): Plan =>
    tick(state, {
      nowMs,
      policy,
      endpointSets: endpointSets(policy),
      samples: [],
      reports: [],
      presence: [],
      operations,
    }).plan;
  const before = current === undefined ? undefined : planOf(current);
  yield;
  return { before, after: planOf(candidate) };
}
