import type { TraceRow } from './trace.ts';

/** The row at a position of the trace read as a ring: a lap follows the one before it after one mean gap. */
export function rowOfRing(trace: readonly TraceRow[], position: number): TraceRow {
  const row = trace[position % trace.length] as TraceRow;
  const lapMs = (trace.at(-1) as TraceRow).atMs * (1 + 1 / (trace.length - 1));
  return { ...row, atMs: row.atMs + Math.floor(position / trace.length) * lapMs };
}

/** What a trace has in so much time from a row on; the time of that row is 0. */
export function traceWindow(trace: readonly TraceRow[], from: number, durationMs: number): readonly TraceRow[] {
  const startMs = rowOfRing(trace, from).atMs;
  const rows: TraceRow[] = [];
  for (let position = from; ; position += 1) {
    const row = rowOfRing(trace, position);
    const atMs = row.atMs - startMs;
    if (atMs >= durationMs) return rows;
    rows.push({ ...row, atMs });
  }
}

/** The same requests in another time: their gaps times the factor. */
export function stretched(trace: readonly TraceRow[], factor: number): readonly TraceRow[] {
  return factor === 1 ? trace : trace.map((row) => ({ ...row, atMs: row.atMs * factor }));
}

/** Of one lap around the ring, in requests per second. */
export function meanRatePerSec(trace: readonly TraceRow[]): number {
  return ((trace.length - 1) * 1000) / (trace.at(-1) as TraceRow).atMs;
}
