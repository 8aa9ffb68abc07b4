/**
 * One step of an exponentially weighted mean: after `tauSec` the old value counts 1/e. The step takes the real time since
 * the last one, so that late or early ticks do not change what is believed.
 */
export function ewma(previous: number, value: number, tauSec: number, elapsedSec: number): number {
  return previous + (1 - Math.exp(-elapsedSec / tauSec)) * (value - previous);
}

/** The same with a mean that starts at its first value instead of zero. */
export function ewmaFrom(previous: number | null, value: number, tauSec: number, elapsedSec: number): number {
  return previous === null ? value : ewma(previous, value, tauSec, elapsedSec);
}
