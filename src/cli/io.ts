import { styleText } from 'node:util';
import { stringify } from 'yaml';
import type { LoadlineError } from '../base/errors.ts';
import type { Terminal } from './terminal.ts';

/** Where a command prints and reads. Tests collect it; colour only where a person looks. */
export type Io = {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly colour: boolean;
  /** All of standard input; absent: there is none. */
  readonly stdin?: () => Promise<string>;
  /** Asks a person yes or no; absent where nobody can answer. */
  readonly ask?: (question: string) => Promise<boolean>;
  /** A screen to draw on; absent where nobody looks. */
  readonly terminal?: Terminal;
};

export type OutputFormat = 'table' | 'yaml' | 'json';

export const OUTPUT_FORMATS: readonly OutputFormat[] = ['table', 'yaml', 'json'];

export function printError(io: Io, error: LoadlineError): void {
  io.err(`${io.colour ? styleText('red', 'error') : 'error'}: ${error.message}\n`);
}

/** A value for programs: JSON or YAML. */
export function printValue(io: Io, format: Exclude<OutputFormat, 'table'>, value: unknown): void {
  io.out(valueText(format, value));
}

export function valueText(format: Exclude<OutputFormat, 'table'>, value: unknown): string {
  return format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : stringify(JSON.parse(JSON.stringify(value)));
}

/** Columns padded to their widest cell; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const rightAligned = head.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'));
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          rightAligned[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `3.2 s`, `4 min`, for a person. */
export function age(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '-';
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}
