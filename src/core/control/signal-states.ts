import { type ServiceLoad, type SignalBelief, signalBeliefs } from '../load/index.ts';
import type { EndpointId } from '../topology/index.ts';
import type { ControlState } from './tick.ts';

/** What is made of each signal of each endpoint, at this instant. */
export function signalStates(
  { load }: ControlState,
  loads: Readonly<Record<string, ServiceLoad>>,
  nowMs: number,
): Readonly<Record<EndpointId, readonly SignalBelief[]>> {
  const states: Record<EndpointId, readonly SignalBelief[]> = {};
  for (const service of Object.values(loads)) {
    const state = load[service.service];
    if (state === undefined) continue;
    for (const one of service.endpoints) {
      const memory = state.endpoints[one.id];
      if (memory !== undefined) states[one.id] = signalBeliefs(memory, one, service, state, nowMs);
    }
  }
  return states;
}
