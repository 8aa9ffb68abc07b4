import type { Series } from '../exposition-line.ts';
import { NVIDIA_SMI_FIELDS } from '../formats/nvidia-smi.ts';
import type { MetricRow } from '../formats/row.ts';
import type { Refusal } from '../reading.ts';
import { readCell, shown } from './cell.ts';
import type { NvidiaSmiSeries } from './read-nvidia-smi.ts';

const ROWS: ReadonlyMap<string, MetricRow> = new Map(
  NVIDIA_SMI_FIELDS.flatMap(({ row, aliases = [] }) => [row.name, ...aliases].map((name) => [name, row] as const)),
);
const HEAD = /^([a-z][\w.]*)(?: \[([^\]]+)\])?$/i;

type Column = { readonly name: string; readonly unit: string | undefined; readonly row: MetricRow | undefined };

/** `--format=csv`. nvidia-smi never quotes a cell and separates with a comma and a blank. */
export function seriesOfCsv(text: string, fields: readonly string[] | undefined): NvidiaSmiSeries {
  const lines = text.split('\n').map((line, at) => ({ cells: line.trim().split(/, ?/), line: at + 1 }));
  const filled = lines.filter(({ cells }) => cells.length > 1 || cells[0] !== '');
  const head = fields === undefined ? filled.shift() : { cells: fields, line: 1 };
  const columns = head?.cells.map(columnOf) ?? [];
  const odd = columns.indexOf(undefined);
  if (odd !== -1) {
    const found = shown(head?.cells[odd] ?? '');
    return fault(
      head?.line,
      `expected the name of a field in column ${odd + 1}, got ${found}: leave noheader out, or name the fields`,
    );
  }
  const known = columns as readonly Column[];
  const told = known.some(({ name }) => name === 'uuid' || name === 'gpu_uuid' || name === 'index');
  if (!told) return fault(head?.line, 'no column tells the GPUs apart: add uuid to --query-gpu');
  if (!known.some(({ row }) => row !== undefined)) {
    return fault(
      head?.line,
      `no column is of use: add utilization.gpu to --query-gpu; read are ${[...ROWS.keys()].join(', ')}`,
    );
  }
  const series: Series[] = [];
  const refusals: Refusal[] = [];
  for (const { cells, line } of filled) {
    if (cells.length !== known.length) {
      return fault(
        line,
        `expected ${known.length} columns as in the head, got ${cells.length}: the output is cut or mixed`,
      );
    }
    const labels = labelsOf(known, cells);
    for (const [at, { name, row, unit }] of known.entries()) {
      if (row === undefined) continue;
      const cell = readCell((cells[at] as string).trim(), row.unit, unit);
      if (cell === 'Absent') continue;
      if ('words' in cell) refusals.push({ name, words: `${cell.words} (line ${line}, column ${at + 1})` });
      else series.push({ name: row.name, labels, value: cell.value });
    }
  }
  return { ok: true, series, refusals };
}

function columnOf(head: string): Column | undefined {
  const [, name, unit] = HEAD.exec(head.trim()) ?? [];
  return name === undefined ? undefined : { name, unit, row: ROWS.get(name) };
}

function labelsOf(columns: readonly Column[], cells: readonly string[]): ReadonlyMap<string, string> {
  const value = (names: readonly string[]): string | undefined =>
    cells[columns.findIndex(({ name }) => names.includes(name))]?.trim();
  const labels = new Map<string, string>();
  const [uuid, index] = [value(['uuid', 'gpu_uuid']), value(['index'])];
  if (uuid !== undefined) labels.set('uuid', uuid);
  if (index !== undefined) labels.set('index', index);
  return labels;
}

function fault(line: number | undefined, message: string): NvidiaSmiSeries {
  return { ok: false, fault: { line: line ?? 1, message } };
}
