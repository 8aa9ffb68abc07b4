import type { Unit } from '../formats/units.ts';

/** What stands in one cell: a number in the unit of its field, nothing, or something that was not expected. */
export type Cell = { readonly value: number } | 'Absent' | { readonly words: string };

const NUMBER = /^([+-]?\d+(?:\.\d+)?)(?:\s*([A-Za-z%/]+))?$/;
const ABSENT = /^(?:|\[.*\]|N\/A|Not Supported|Unknown Error|Requested functionality has been deprecated)$/;
const FLAGS: Readonly<Record<string, number>> = { Enabled: 1, Disabled: 0, Active: 1, 'Not Active': 0 };

/**
 * `100 %`, `32362 MiB`, `Enabled`; with `nounits` a bare number, whose unit stands in the head of the column or is the one
 * that nvidia-smi always uses. Absent are `N/A`, an empty cell and whatever nvidia-smi puts in brackets: `[N/A]`,
 * `[Not Supported]`, `[Unknown Error]`; `-q` writes the same words without brackets.
 */
export function readCell(text: string, { words: unit }: Unit, headUnit?: string): Cell {
  if (ABSENT.test(text)) return 'Absent';
  const flag = FLAGS[text];
  if (flag !== undefined && unit === '0 or 1') return { value: flag };
  const [, digits, cellUnit] = NUMBER.exec(text) ?? [];
  const expected = unit === '0 or 1' ? 'Enabled or Disabled' : `a number in ${unit}`;
  if (digits === undefined || unit === '0 or 1') return { words: `is ${shown(text)}, where ${expected} is expected` };
  const found = cellUnit ?? headUnit;
  if (found !== undefined && found !== unit) return { words: `is in ${shown(found)}, where ${expected} is expected` };
  return { value: Number(digits) };
}

/** Someone else's text, short and without control characters. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
