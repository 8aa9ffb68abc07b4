import { seededRandom } from '../../base/units/index.ts';
import type { TraceRow } from './trace.ts';
import { rowOfRing } from './trace-window.ts';

/** A request that is to be sent at `atMs` after the start, whatever became of earlier ones. */
export type Arrival = { readonly atMs: number; readonly promptTokens: number; readonly outputTokens: number };

export type ArrivalTarget = {
  readonly seed: number;
  readonly durationMs: number;
  readonly ratePerSec: number;
  readonly meanPromptTokens: number;
  readonly meanOutputTokens: number;
  /** Longer ones are cut to this, so that one request does not outlast a short run. */
  readonly maxPromptTokens: number;
  readonly maxOutputTokens: number;
};

/**
 * Takes as many rows of the trace as the target has requests, from a row that the seed chooses (the trace is read as a
 * ring), stretches their times to the duration and scales their lengths to the means. So order, bursts and the shape of
 * the lengths are the trace's; count and mean lengths are exact, hence so is the load. Drawing gaps and lengths from
 * fitted distributions instead would lose the bursts, which are what makes a balancer sweat.
 */
export function arrivalsFromTrace(trace: readonly TraceRow[], target: ArrivalTarget): readonly Arrival[] {
  const count = Math.max(1, Math.round((target.ratePerSec * target.durationMs) / 1000));
  const random = seededRandom(target.seed);
  const rows = ringSlice(trace, Math.floor(random() * trace.length), count + 1);
  const startMs = rows[0]!.atMs;
  const spanMs = rows[count]!.atMs - startMs;
  const timeScale = spanMs > 0 ? target.durationMs / spanMs : 0;
  const picked = rows.slice(0, count);
  const prompts = scaledLengths(
    picked.map((row) => row.promptTokens),
    target.meanPromptTokens,
    target.maxPromptTokens,
  );
  const outputs = scaledLengths(
    picked.map((row) => row.outputTokens),
    target.meanOutputTokens,
    target.maxOutputTokens,
  );
  return picked.map((row, index) => ({
    atMs: (row.atMs - startMs) * timeScale,
    promptTokens: prompts[index]!,
    outputTokens: outputs[index]!,
  }));
}

/** Rows from `offset` on, around the ring. */
function ringSlice(trace: readonly TraceRow[], offset: number, count: number): readonly TraceRow[] {
  return Array.from({ length: count }, (_, step) => rowOfRing(trace, offset + step));
}

/**
 * Scales to the mean under a cap. Cutting lowers the mean, so the factor is found by repeated correction: what remains
 * wrong after it is the rounding to whole tokens.
 */
function scaledLengths(lengths: readonly number[], mean: number, cap: number): readonly number[] {
  const wanted = Math.min(mean, cap);
  const clipped = (factor: number): number[] => lengths.map((length) => Math.min(cap, Math.max(1, length * factor)));
  let factor = wanted / average(lengths);
  for (let round = 0; round < 40; round += 1) {
    const reached = average(clipped(factor));
    if (Math.abs(reached - wanted) < wanted * 1e-4) break;
    factor *= wanted / reached;
  }
  return clipped(factor).map((length) => Math.round(length));
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
