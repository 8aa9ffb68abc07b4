import type { Metric, Sample } from '../../core/topology/index.ts';
import type { Series } from './exposition.ts';
import type { MetricRow } from './formats/row.ts';

/** One value of one page: scaled, checked and merged, and not yet dated. */
export type Reading = {
  readonly metric: Metric;
  readonly value: number;
  readonly gpu?: string;
  readonly pod?: string;
  readonly node?: string;
  readonly device?: NonNullable<Sample['device']>;
  /** The series' own time stamp on the clock of its source, epoch milliseconds. */
  readonly timestampMs?: number;
};

/** A value that was not believed. `name` is the exposition name; `words` say what was wrong, for a person. */
export type Refusal = { readonly name: string; readonly words: string };

export type Readings = { readonly readings: readonly Reading[]; readonly refusals: readonly Refusal[] };

/** The value in the unit of the metric, or why it is refused. Ratios end at exactly 1. */
export function checkedValue(row: MetricRow, raw: number): { readonly value: number } | { readonly words: string } {
  if (Number.isNaN(raw)) return { words: 'is NaN' };
  const { min, max, scale } = row.unit;
  if (!(raw >= min && raw <= max)) return { words: `is ${raw}, outside ${min}..${max}` };
  const value = raw * scale;
  return { value: row.metric.endsWith('Ratio') ? Math.min(1, value) : value };
}

export type UniqueSeries = {
  readonly series: readonly Series[];
  /** Series that a page gives twice with different values: neither can be believed. */
  readonly contradicted: readonly Series[];
};

/** Folds exact copies, which a sum would count twice. */
export function uniqueSeries(series: readonly Series[]): UniqueSeries {
  const seen = new Map<string, Series>();
  const contradicted = new Map<string, Series>();
  for (const one of series) {
    const key = seriesKey(one);
    const before = seen.get(key);
    if (before === undefined) seen.set(key, one);
    else if (!Object.is(before.value, one.value)) contradicted.set(key, one);
  }
  if (contradicted.size === 0) return { series: [...seen.values()], contradicted: [] };
  return {
    series: [...seen].filter(([key]) => !contradicted.has(key)).map(([, one]) => one),
    contradicted: [...contradicted.values()],
  };
}

function seriesKey({ name, labels }: Series): string {
  return JSON.stringify([name, ...[...labels].sort(([a], [b]) => (a < b ? -1 : 1))]);
}

export function earlier(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined) return other;
  return other === undefined ? one : Math.min(one, other);
}
