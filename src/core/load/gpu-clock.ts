import { gpuMaxAgeMs } from './gpu-age.ts';
import type { EndpointMemory, GpuMemory } from './load-state.ts';
import { clampCapacity } from './plausible.ts';

/** A smaller change of the SM clock is boost noise. */
const LEAST_STEP = 0.1;
/** How much of a clock step becomes capacity: not all of the work scales with the clock. */
const GAIN = 0.8;
/** An idle GPU lowers its clock by itself; only after this much work does the clock speak of throttling. */
const BUSY_SEC = 5;

/**
 * [clk] The prior of the law: when the SM clock of a busy whole GPU steps, the capacity follows at once, before any
 * throughput shows it. The smoothed rates are moved along, so that what they say later does not undo it.
 */
export function applyClock(memory: EndpointMemory, nowMs: number, elapsedSec: number): void {
  memory.busySec = memory.inFlight + (memory.engine?.running ?? 0) > 1 ? memory.busySec + elapsedSec : 0;
  if (memory.busySec < BUSY_SEC) return;
  const clock = slowestClock(memory.gpus, nowMs);
  if (clock === undefined) return;
  if (memory.clockHertz === null) {
    memory.clockHertz = clock;
    return;
  }
  const step = Math.log(clock / memory.clockHertz);
  if (Math.abs(step) <= LEAST_STEP) return;
  memory.logCapacity = clampCapacity(memory.logCapacity + GAIN * step);
  memory.completions *= Math.exp(GAIN * step);
  memory.engineWork *= Math.exp(GAIN * step);
  memory.clockHertz = clock;
}

/** Of devices that are whole; the slowest holds up an endpoint that spans several. Undefined where none is heard. */
function slowestClock(gpus: readonly GpuMemory[], nowMs: number): number | undefined {
  let slowest: number | undefined;
  for (const gpu of gpus) {
    const { whole, clockHertz, clockAtMs } = gpu;
    if (!whole) return undefined;
    if (clockHertz === null || nowMs - clockAtMs > gpuMaxAgeMs(gpu)) continue;
    slowest = Math.min(slowest ?? clockHertz, clockHertz);
  }
  return slowest;
}
