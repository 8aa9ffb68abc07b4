import { FIGURES, type Figure, type Figures } from './figures.ts';
import type { Scenario } from './scenario.ts';
import type { ServerName } from './server-child.ts';

/** A scenario with what each server did in it. */
export type Cell = { readonly scenario: Scenario; readonly figures: Partial<Record<ServerName, Figures>> };

const HEAD = ['', 'loadline', 'linear', 'snapshot', 'loadline/linear', 'loadline/snapshot'];

/** One block per scenario, one line per figure. */
export function tableText(cells: readonly Cell[]): string {
  const lines: string[][] = [HEAD];
  for (const cell of cells) {
    lines.push([cell.scenario.title]);
    for (const figure of Object.keys(FIGURES) as Figure[]) {
      const [ours, linear, snapshot] = (['loadline', 'linear', 'snapshot'] as const).map(
        (server) => cell.figures[server]?.[figure],
      );
      if (ours === undefined && linear === undefined && snapshot === undefined) continue;
      lines.push([
        `  ${FIGURES[figure]}`,
        ...[ours, linear, snapshot].map(numberText),
        ratio(ours, linear),
        ratio(ours, snapshot),
      ]);
    }
  }
  const widths = HEAD.map((_, column) =>
    Math.max(...lines.filter((line) => line.length > 1).map((line) => line[column]?.length ?? 0)),
  );
  const pad = (text: string, column: number): string =>
    column === 0 ? text.padEnd(widths[0] as number) : text.padStart(widths[column] as number);
  return lines.map((line) => `${line.map(pad).join('  ').trimEnd()}\n`).join('');
}

function ratio(ours: number | undefined, theirs: number | undefined): string {
  if (ours === undefined || theirs === undefined || ours < 0 || theirs <= 0) return '-';
  return (ours / theirs).toFixed(2);
}

function numberText(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '-';
  return Math.abs(value) >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}
