import type { CapacitySource } from './endpoint-load.ts';
import { engineIsDoubted } from './engine.ts';
import type { EndpointMemory } from './load-state.ts';
import { clampCapacity } from './plausible.ts';

const ENGINE_AFTER_SEC = 4;
const REPORTS_AFTER_SEC = 15;
/** Between samples that agree within their noise, capacity drifts; beyond it, on consecutive ticks, it jumps. */
const SLOW_PER_SEC = 0.03;
const FAST_PER_SEC = 0.5;
const LEAST_THRESHOLD = 0.25;

export type CapacityInput = {
  readonly memory: EndpointMemory;
  readonly slots: number;
  readonly engineFresh: boolean;
  readonly reportsFresh: boolean;
  readonly bad: boolean;
};

/** Which source speaks for an endpoint, and its capacity sample: log of (work per request in flight × slots). */
function sampleOf(input: CapacityInput, ageSec: number): { source: CapacitySource; x: number } | undefined {
  const { memory, slots, engineFresh, reportsFresh, bad } = input;
  if (bad) return undefined;
  if (engineFresh && memory.engineRunning > 0.5 && memory.engineWork > 0) {
    if (ageSec <= ENGINE_AFTER_SEC) return undefined;
    return { source: 'Engine', x: Math.log((memory.engineWork / memory.engineRunning) * slots) };
  }
  if (memory.engine !== null && !engineFresh && !engineIsDoubted(memory)) return undefined;
  if (reportsFresh && memory.meanInFlight > 0.3 && memory.completions > 0.003 && ageSec > REPORTS_AFTER_SEC) {
    return { source: 'LoadReports', x: Math.log((memory.completions / memory.meanInFlight) * slots) };
  }
  return undefined;
}

/** [step 6] Moves the learned capacities towards the samples, source by source: samples of two sources have two units. */
export function learnCapacity(
  inputs: readonly CapacityInput[],
  ageSec: number,
  elapsedSec: number,
): readonly CapacitySource[] {
  const samples = inputs.map((input) => sampleOf(input, ageSec));
  const compared = new Set<EndpointMemory>();
  for (const source of ['Engine', 'LoadReports'] as const) {
    const set = inputs.flatMap((input, i) => {
      const sample = samples[i];
      return sample?.source === source ? [{ memory: input.memory, slots: input.slots, x: sample.x }] : [];
    });
    // Alone it has nobody to be compared with.
    if (set.length < 2) continue;
    const meanX = set.reduce((sum, { x }) => sum + x, 0) / set.length;
    const meanCapacity = set.reduce((sum, { memory }) => sum + memory.logCapacity, 0) / set.length;
    for (const { memory, slots, x } of set) {
      compared.add(memory);
      memory.capacitySlots = slots;
      move(memory, x - meanX + meanCapacity - memory.logCapacity, source, elapsedSec);
    }
  }
  for (const { memory, slots } of inputs) {
    if (compared.has(memory)) continue;
    memory.farSec = 0;
    followSlots(memory, slots);
  }
  return samples.map((sample) => sample?.source ?? 'None');
}

/**
 * A capacity is so much work per request, times slots. Where nothing measures it any more but the slots turn out to be others
 * than they were taken for, it goes with them.
 */
function followSlots(memory: EndpointMemory, slots: number): void {
  const before = memory.capacitySlots;
  if (before === null || before === slots) return;
  memory.logCapacity = clampCapacity(memory.logCapacity + Math.log(slots / before));
  memory.capacitySlots = slots;
}

function move(memory: EndpointMemory, distance: number, source: CapacitySource, elapsedSec: number): void {
  const noise =
    source === 'Engine'
      ? 1.5 / Math.sqrt(memory.engineRunning + 1)
      : 2 / Math.sqrt(Math.max(1, 40 * memory.completions));
  const far = Math.abs(distance) > Math.max(LEAST_THRESHOLD, noise);
  const side = Math.sign(distance);
  if (!far) memory.farSec = 0;
  else memory.farSec = Math.sign(memory.farSec) === side ? memory.farSec + side * elapsedSec : side * elapsedSec;
  // Two ticks; three before an engine is believed to have become faster, since small batches look fast.
  const needSec = source === 'Engine' && side > 0 ? 2.5 : 1.5;
  const gain =
    far && Math.abs(memory.farSec) >= needSec
      ? 1 - (1 - FAST_PER_SEC) ** elapsedSec
      : Math.min(1, SLOW_PER_SEC * elapsedSec);
  memory.logCapacity = clampCapacity(memory.logCapacity + gain * distance);
}
