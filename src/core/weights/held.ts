import { emptyRecord } from '../../base/units/index.ts';
import type { EndpointId } from '../topology/index.ts';
import { recentre } from './grid.ts';
import type { WeightMemory, WeightsState } from './weights-state.ts';

/**
 * The memory of the law while other weights than its own stand: it goes on from them, step by step, and does not jump when they
 * are given up. It sees no herd either: what swings is not sent. Only where all of the computed weights are sent; of a part, or
 * of none, the law's own are needed.
 */
export function heldAt(
  state: WeightsState,
  before: WeightsState | undefined,
  weights: Readonly<Record<EndpointId, number>>,
): WeightsState {
  if (state.blend !== 1) return state;
  const steered = Object.entries(state.endpoints).filter(([, { draining }]) => draining !== true);
  const sent = steered.map(([id, { weight }]) => weights[id] ?? weight);
  const logs = recentre(sent.map((weight) => Math.log(weight)));
  const total = sent.reduce((sum, weight) => sum + weight, 0);
  const endpoints = emptyRecord<WeightMemory>();
  Object.assign(endpoints, state.endpoints);
  for (const [i, [id, memory]] of steered.entries())
    endpoints[id] = {
      ...memory,
      sent: logs[i] as number,
      weight: sent[i] as number,
      shareSent: total > 0 ? (sent[i] as number) / total : 0,
    };
  const herd = before?.herd;
  const { herd: _, ...rest } = state;
  // As if they had just gone out: a weight may move by so much for each second since.
  const lastPushMs = state.atMs;
  return { ...rest, lastPushMs, endpoints, snapped: new Set(sent).size <= 1, ...(herd === undefined ? {} : { herd }) };
}
