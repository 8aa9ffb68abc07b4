import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LoadlineError } from '../../base/errors.ts';
import type { Issue, Result } from '../../base/units/index.ts';

/** One request of a recorded service. `atMs` counts from the first one. */
export type TraceRow = { readonly atMs: number; readonly promptTokens: number; readonly outputTokens: number };

/** The slice that the package ships (data/README.md has its source and licence); the same place from src/ and dist/. */
const SHIPPED_SLICE = new URL('../../../data/azure-llm-2023-conv-slice.csv', import.meta.url);

const HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens';
const CSV_ROW = `a row such as '2023-11-16 18:22:51.2853360,2739,97'`;
const JSON_ROW = `an object such as {"timestamp": 27482, "input_length": 6955, "output_length": 52}`;
/** A file of the wrong kind is wrong in every line. */
const MOST_ISSUES = 10;

export function readShippedTrace(): readonly TraceRow[] {
  const path = fileURLToPath(SHIPPED_SLICE);
  return traceOrThrow(readText(path), path);
}

/** @throws LoadlineError LOADLINE_LAB with `file:line:` and what was expected there, a line for each mistake */
export function readTrace(path: string): readonly TraceRow[] {
  return traceOrThrow(readText(path), path);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new LoadlineError('LOADLINE_LAB', `the trace ${path} cannot be read: ${(cause as Error).message}`, cause);
  }
}

function traceOrThrow(text: string, path: string): readonly TraceRow[] {
  const trace = parseTrace(text, path);
  if (trace.ok) return trace.value;
  const lines = trace.issues.map(({ position, message }) => `${position?.file}:${position?.line}: ${message}`);
  throw new LoadlineError('LOADLINE_LAB', lines.join('\n'));
}

type Row = { readonly atMs: number; readonly promptTokens: number; readonly outputTokens: number };
type RowReader = (line: string) => Row | undefined;

/**
 * Reads a trace, in the order of time, in either of two formats that its first line tells apart: that of the Azure LLM inference
 * traces (a header line, then `2023-11-16 18:22:51.2853360,2739,97`, UTC), or that of Mooncake (JSON lines with `timestamp` in
 * milliseconds, `input_length` and `output_length`).
 */
export function parseTrace(text: string, file: string): Result<readonly TraceRow[]> {
  const lines = text.split(/\r?\n/);
  const json = lines[0]?.startsWith('{') === true;
  const expected = json ? JSON_ROW : CSV_ROW;
  const issues: Issue[] = [];
  const refuse = (line: number, message: string): void => {
    const position = { file, line, column: 1 };
    if (issues.length < MOST_ISSUES) issues.push({ code: 'lab.trace', path: '', message, position });
  };
  if (!json && lines[0] !== HEADER) {
    refuse(1, `expected the header '${HEADER}' or ${JSON_ROW}, got '${shown(lines[0] ?? '')}'`);
    return { ok: false, issues };
  }
  const read = json ? jsonRow : csvRows();
  const rows: Row[] = [];
  for (let at = json ? 0 : 1; at < lines.length && issues.length < MOST_ISSUES; at += 1) {
    const line = lines[at] as string;
    if (line === '') continue;
    const row = read(line);
    if (row === undefined) refuse(at + 1, `expected ${expected}, got '${shown(line)}'`);
    else if (row.atMs < (rows.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY))
      refuse(at + 1, 'expected a time that is not before that of the line before it');
    else rows.push(row);
  }
  if (issues.length === 0 && (rows.length < 2 || rows[0]?.atMs === rows.at(-1)?.atMs))
    refuse(lines.length, `expected two rows at least, at different times, got ${rows.length}`);
  if (issues.length > 0) return { ok: false, issues };
  const startMs = (rows[0] as Row).atMs;
  const counted = rows.map((row) => ({ ...row, atMs: row.atMs - startMs }));
  return { ok: true, value: json ? spread(counted) : counted, warnings: [] };
}

/** Times count from the first row: their fraction has seven digits, and added to 10^12 ms a double would lose the last. */
function csvRows(): RowReader {
  let firstSecondMs: number | undefined;
  return (line) => {
    const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)?(?:Z|\+00:00)?,(\d+),(\d+)$/.exec(line);
    const secondMs = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}Z`);
    if (match === null || Number.isNaN(secondMs)) return undefined;
    firstSecondMs ??= secondMs;
    const atMs = secondMs - firstSecondMs + Number(match[3] ?? 0) * 1000;
    return { atMs, promptTokens: Number(match[4]), outputTokens: Number(match[5]) };
  };
}

function jsonRow(line: string): Row | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { timestamp, input_length: prompt, output_length: output } = value as Record<string, unknown>;
  if (typeof timestamp !== 'number' || !Number.isFinite(timestamp)) return undefined;
  return isLength(prompt) && isLength(output)
    ? { atMs: timestamp, promptTokens: prompt, outputTokens: output }
    : undefined;
}

function isLength(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Mooncake's times are rounded to steps of seconds: requests of one time are spread evenly until the next. */
function spread(rows: readonly TraceRow[]): readonly TraceRow[] {
  const spreadRows: TraceRow[] = [];
  let stepMs = 0;
  for (let from = 0; from < rows.length; ) {
    const { atMs } = rows[from] as TraceRow;
    let to = from;
    while (to < rows.length && (rows[to] as TraceRow).atMs === atMs) to += 1;
    const next = rows[to];
    // The last ones get as much time as those before them.
    stepMs = next === undefined ? stepMs : next.atMs - atMs;
    for (let at = from; at < to; at += 1)
      spreadRows.push({ ...(rows[at] as TraceRow), atMs: atMs + (stepMs * (at - from)) / (to - from) });
    from = to;
  }
  return spreadRows;
}

function shown(line: string): string {
  return line.length > 80 ? `${line.slice(0, 80)}…` : line;
}
