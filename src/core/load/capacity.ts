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

/** Which source speaks for an endpoint. */
function sourceOf({ memory, engineFresh, reportsFresh, bad }: CapacityInput, ageSec: number): CapacitySource {
  if (bad) return 'None';
  if (engineFresh && memory.engineRunning > 0.5 && memory.engineWork > 0)
    return ageSec > ENGINE_AFTER_SEC ? 'Engine' : 'None';
  if (memory.engine !== null && !engineFresh && !engineIsDoubted(memory)) return 'None';
  const told = reportsFresh && memory.meanInFlight > 0.3 && memory.completions > 0.003;
  return told && ageSec > REPORTS_AFTER_SEC ? 'LoadReports' : 'None';
}

/** Its capacity sample: log of (work per request in flight × slots). */
function sampleOf({ memory, slots }: CapacityInput, source: CapacitySource): number {
  if (source === 'Engine') return Math.log((memory.engineWork / memory.engineRunning) * slots);
  return source === 'LoadReports' ? Math.log((memory.completions / memory.meanInFlight) * slots) : 0;
}

/** [step 6] Moves the learned capacities towards the samples, source by source: samples of two sources have two units. */
export function learnCapacity(
  inputs: readonly CapacityInput[],
  ageSec: number,
  elapsedSec: number,
): readonly CapacitySource[] {
  const sources = inputs.map((input) => sourceOf(input, ageSec));
  const samples = inputs.map((input, i) => sampleOf(input, sources[i] as CapacitySource));
  const alone: CapacitySource[] = ['None'];
  for (const source of ['Engine', 'LoadReports'] as const) {
    let count = 0;
    let sumX = 0;
    let sumCapacity = 0;
    for (let i = 0; i < inputs.length; i += 1) {
      if (sources[i] !== source) continue;
      count += 1;
      sumX += samples[i] as number;
      sumCapacity += (inputs[i] as CapacityInput).memory.logCapacity;
    }
    // Alone it has nobody to be compared with.
    if (count < 2) {
      alone.push(source);
      continue;
    }
    const meanX = sumX / count;
    const meanCapacity = sumCapacity / count;
    for (let i = 0; i < inputs.length; i += 1) {
      if (sources[i] !== source) continue;
      const { memory, slots } = inputs[i] as CapacityInput;
      memory.capacitySlots = slots;
      move(memory, (samples[i] as number) - meanX + meanCapacity - memory.logCapacity, source, elapsedSec);
    }
  }
  for (const [i, { memory, slots }] of inputs.entries()) {
    if (!alone.includes(sources[i] as CapacitySource)) continue;
    memory.farSec = 0;
    followSlots(memory, slots);
  }
  return sources;
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
