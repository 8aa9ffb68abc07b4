/**
 * One step of an exponentially weighted mean: after `tauSec` the old value counts 1/e. The step takes the real time since
 * the last one, so that late or early ticks do not change what is believed.
 */
export function ewma(previous: number, value: number, tauSec: number, elapsedSec: number): number {
  return previous + gainOf(tauSec, elapsedSec) * (value - previous);
}

/** The same with a mean that starts at its first value instead of zero. */
export function ewmaFrom(previous: number | null, value: number, tauSec: number, elapsedSec: number): number {
  return previous === null ? value : ewma(previous, value, tauSec, elapsedSec);
}

/** The last gain for each τ of whole seconds: a tick asks for the same ones for each of a thousand endpoints. */
const MOST_TAU_SEC = 128;
const elapsedByTau = new Float64Array(MOST_TAU_SEC);
const gainByTau = new Float64Array(MOST_TAU_SEC);

function gainOf(tauSec: number, elapsedSec: number): number {
  if (elapsedByTau[tauSec] === elapsedSec) return gainByTau[tauSec] as number;
  const gain = 1 - Math.exp(-elapsedSec / tauSec);
  // Another τ is no index, and nothing is kept of it.
  elapsedByTau[tauSec] = elapsedSec;
  gainByTau[tauSec] = gain;
  return gain;
}
