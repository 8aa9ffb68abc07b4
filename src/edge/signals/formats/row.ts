import type { Metric } from '../../../core/topology/index.ts';
import type { Unit } from './units.ts';

/** What a row can stand for: a metric of the core, or something that only helps to make one. */
export type TableMetric = Metric | 'kvCapacityTokens' | 'memoryFreeBytes' | 'memoryReservedBytes' | 'migMode';

/**
 * How one name of one format becomes a metric. The unit comes from the name and never from the value: 0.9 could be 0.9 %
 * or 90 %. Rows are data, so that a new release of an engine is a new line here and nothing else.
 */
export type MetricRow = {
  readonly name: string;
  /** Only series with these label values are meant; a label that is absent counts as ''. */
  readonly select?: Readonly<Record<string, string>>;
  /** Only series whose label has one of these values count; the others of this name are about something else. */
  readonly only?: { readonly label: string; readonly values: readonly string[] };
  /** The value is that label's number where the series is above 0, and 0 elsewhere: a count by code becomes the code. */
  readonly valueFrom?: 'Label';
  /** Of the names that make the metric together the largest value counts; else the upper row alone. */
  readonly fold?: 'Max';
  readonly metric: TableMetric;
  readonly unit: Unit;
  /** For people: what this name does that its neighbours do not. */
  readonly note?: string;
};

/** Over the engines behind one page: `Sum` and `Max` make one value of theirs. */
export type EngineRow = MetricRow & {
  readonly merge: 'Sum' | 'Max';
  /** The value counts a histogram, and this is the name of its buckets: read where a policy asks for it. */
  readonly buckets?: string;
  /** The value is that of `name` times that of this name, for each engine. */
  readonly times?: string;
};
