import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LoadlineError } from '../../base/errors.ts';

/** One request of a recorded service. `atMs` counts from the first one. */
export type TraceRow = { readonly atMs: number; readonly promptTokens: number; readonly outputTokens: number };

/** The slice that the package ships (data/README.md has its source and licence); the same place from src/ and dist/. */
const SHIPPED_SLICE = new URL('../../../data/azure-llm-2023-conv-slice.csv', import.meta.url);

const HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens';

export function readShippedTrace(): readonly TraceRow[] {
  const path = fileURLToPath(SHIPPED_SLICE);
  try {
    return parseTrace(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new LoadlineError('LOADLINE_LAB', `The trace ${path} cannot be used.`, cause);
  }
}

/**
 * Reads a trace in the format of the Azure LLM inference traces 2023: a header line, then
 * `2023-11-16 18:22:51.2853360,2739,97` (UTC, 100 ns), in the order of time.
 * Throws LOADLINE_LAB with the line number when a row is not that.
 */
export function parseTrace(text: string): readonly TraceRow[] {
  const lines = text.split(/\r?\n/);
  if (lines[0] !== HEADER) throw new LoadlineError('LOADLINE_LAB', `A trace begins with the line '${HEADER}'.`);
  const rows: TraceRow[] = [];
  let firstSecondMs = 0;
  let firstFraction = 0;
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line === '') continue;
    const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?,(\d+),(\d+)$/.exec(line);
    const secondMs = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}Z`);
    if (match === null || Number.isNaN(secondMs)) {
      throw new LoadlineError('LOADLINE_LAB', `Line ${index + 1} of the trace is not a row: '${line.slice(0, 80)}'.`);
    }
    // The fraction has seven digits: Date.parse would keep three, and added to 10^12 ms a double would lose the rest.
    const fraction = Number(match[3] ?? 0);
    if (rows.length === 0) {
      firstSecondMs = secondMs;
      firstFraction = fraction;
    }
    const atMs = secondMs - firstSecondMs + (fraction - firstFraction) * 1000;
    if (atMs < (rows.at(-1)?.atMs ?? 0)) {
      throw new LoadlineError('LOADLINE_LAB', `Line ${index + 1} of the trace is earlier than the line before it.`);
    }
    rows.push({ atMs, promptTokens: Number(match[4]), outputTokens: Number(match[5]) });
  }
  if (rows.length < 2) throw new LoadlineError('LOADLINE_LAB', 'A trace needs at least two rows.');
  return rows;
}
