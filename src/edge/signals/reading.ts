import type { Buckets, Metric, Sample } from '../../core/topology/index.ts';
import type { Labels } from './exposition-cursor.ts';
import type { Series } from './exposition-line.ts';
import type { MetricRow } from './formats/row.ts';
import { labelsText } from './labels-text.ts';

/** One value of one page: scaled, checked and merged, and not yet dated. */
export type Reading = {
  readonly metric: Metric;
  readonly value: number;
  readonly buckets?: Buckets;
  readonly gpu?: string;
  readonly pod?: string;
  readonly node?: string;
  readonly address?: string;
  readonly device?: NonNullable<Sample['device']>;
  /** The series' own time stamp on the clock of its source, epoch milliseconds. */
  readonly timestampMs?: number;
};

/** A value that was not believed. `name` is the exposition name; `words` say what was wrong, for a person. */
export type Refusal = { readonly name: string; readonly words: string };

export type Readings = {
  readonly readings: readonly Reading[];
  readonly refusals: readonly Refusal[];
  /** Ratios among the refused that are too large to be one: the core is told, to say so of the endpoint. */
  readonly conflicts?: readonly Reading[];
};

export type Checked =
  | { readonly value: number }
  /** `conflict`: a ratio too large to be one. */
  | { readonly words: string; readonly conflict?: number };

/**
 * What exporters write for "no value". DCGM has 2^31 − 16 and up as 32 bits, 2^63 − 16 and up as 64, and 2^47 and up as a
 * floating-point number, each for blank, not found, not supported and not permitted; others write −1.
 */
function isBlank(raw: number): boolean {
  return raw === -1 || BLANKS.some((least) => raw >= least && raw <= least + 16);
}

// As doubles: an integer of 64 bits comes in rounded to 2^63.
const BLANKS: readonly number[] = [2 ** 31 - 16, 2 ** 47, 2 ** 63];

/** The value in the unit of the metric, or why it is refused. Ratios end at exactly 1. */
export function checkedValue(row: MetricRow, raw: number): Checked {
  if (Number.isNaN(raw)) return { words: 'is NaN' };
  const { min, max, scale, mask } = row.unit;
  if (!(raw >= min && raw <= max)) {
    if (isBlank(raw)) return { words: `is ${raw}, which means blank` };
    const words = `is ${raw}, outside ${min}..${max}`;
    const conflicts = row.metric.endsWith('Ratio') && mask === undefined && raw > max;
    return conflicts ? { words, conflict: raw * scale } : { words };
  }
  if (mask !== undefined) return { value: (raw & mask) === 0 ? 0 : 1 };
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
  // Copies have one name: where each name stands once there is nothing to compare.
  if (new Set(series.map(({ name }) => name)).size === series.length) return { series, contradicted: [] };
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

/** Made once for each line of a source, whose labels are the same object on all of its pages. */
const KEYS = new WeakMap<Labels, { readonly name: string; readonly key: string }>();

function seriesKey({ name, labels }: Series): string {
  const known = KEYS.get(labels);
  if (known?.name === name) return known.key;
  const key = `${name} ${labelsText(labels)}`;
  KEYS.set(labels, { name, key });
  return key;
}

export function earlier(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined) return other;
  return other === undefined ? one : Math.min(one, other);
}
