import type { Metric } from '../../core/topology/index.ts';
import type { Series } from './exposition-line.ts';
import type { EngineFormat } from './formats/engine-format.ts';
import type { EngineRow } from './formats/row.ts';
import { readBuckets } from './histogram-buckets.ts';
import { labelsText, labelsTextWithout } from './labels-text.ts';
import { checkedValue, earlier, type Reading, type Readings, type Refusal, uniqueSeries } from './reading.ts';

export type EngineReadings = Readings & {
  /** The engine says itself that it cannot serve yet; its other numbers are then no load. */
  readonly notReady?: string;
};

/** What an engine's page is read by: rows of a format, and the labels that tell copies of one engine apart. */
export type EngineRows = { readonly rows: readonly EngineRow[]; readonly copies: EngineFormat['copies'] };

/**
 * Makes one value per metric of an engine's page, which has one series per data-parallel engine. Processes and ranks that
 * repeat one another are folded by their maximum before engines are merged. One unusable series makes the whole metric
 * unusable: a sum that lacks an engine is a wrong sum.
 */
export function engineReadings(page: readonly Series[], { rows, copies }: EngineRows): EngineReadings {
  const { series: unique, contradicted } = uniqueSeries(page);
  const series = groupByName(unique);
  const refusals: Refusal[] = [];
  const taken = new Set<EngineRow['metric']>();
  const readings: Reading[] = [];
  const conflicts: Reading[] = [];
  let notReady: string | undefined;
  for (const row of rows) {
    if (taken.has(row.metric)) continue;
    const mine = seriesOf(row, series);
    const wrong = contradicted.some((one) => means(row, one) || one.name === row.times);
    if (mine.length === 0 && !wrong) continue;
    // Also when it is refused: an older name of the same metric does not repair it.
    taken.add(row.metric);
    if (wrong) refusals.push({ name: row.name, words: 'appears twice with different values' });
    const merged = mergeRow(row, copies, mine, refusals, conflicts);
    if (row.metric === 'kvCapacityTokens') {
      if (mine.some(({ value }) => value === 0)) notReady = `${row.name} is 0`;
    } else if (merged !== undefined && !wrong) {
      readings.push({
        ...merged,
        metric: row.metric as Metric,
        ...bucketsOf(row, copies, series, contradicted, refusals),
      });
    }
  }
  if (notReady === undefined) return { readings, refusals, ...(conflicts.length === 0 ? {} : { conflicts }) };
  return { readings: readings.filter(({ metric }) => metric === 'processStartTimeSeconds'), refusals, notReady };
}

/** Where the page was read for them, and has them. */
function bucketsOf(
  { buckets: name }: EngineRow,
  copies: readonly string[],
  series: ReadonlyMap<string, readonly Series[]>,
  contradicted: readonly Series[],
  refusals: Refusal[],
): Pick<Reading, 'buckets'> {
  const mine = name === undefined ? undefined : series.get(name);
  if (name === undefined || mine === undefined) return {};
  const read = contradicted.some((one) => one.name === name)
    ? { words: 'appears twice with different values' }
    : readBuckets(mine, copies);
  if (read.words !== undefined) refusals.push({ name, words: read.words });
  return 'buckets' in read && read.buckets !== undefined ? { buckets: read.buckets } : {};
}

/** The series that a row means, or the products that it means. */
function seriesOf(row: EngineRow, series: ReadonlyMap<string, readonly Series[]>): readonly Series[] {
  const named = series.get(row.name) ?? [];
  const mine = row.select === undefined ? named : named.filter((one) => means(row, one));
  const { times } = row;
  if (times === undefined) return mine;
  const factors = new Map((series.get(times) ?? []).map((one) => [labelsText(one.labels), one.value]));
  return mine.flatMap((one) => {
    const factor = factors.get(labelsText(one.labels));
    return factor === undefined ? [] : [{ ...one, value: one.value * factor }];
  });
}

function groupByName(series: readonly Series[]): ReadonlyMap<string, readonly Series[]> {
  const groups = new Map<string, Series[]>();
  for (const one of series) {
    const group = groups.get(one.name);
    if (group === undefined) groups.set(one.name, [one]);
    else group.push(one);
  }
  return groups;
}

/** As Prometheus has it, a label that is absent is the same as an empty one. */
function means({ name, select }: EngineRow, series: Series): boolean {
  if (series.name !== name) return false;
  if (select === undefined) return true;
  return Object.entries(select).every(([label, value]) => (series.labels.get(label) ?? '') === value);
}

function mergeRow(
  row: EngineRow,
  copies: readonly string[],
  series: readonly Series[],
  refusals: Refusal[],
  conflicts: Reading[],
): Omit<Reading, 'metric'> | undefined {
  const engines = new Map<string, number>();
  let timestampMs: number | undefined;
  let sound = true;
  let conflict: number | undefined;
  for (const one of series) {
    const { value: raw, timestampMs: stamp } = one;
    const checked = checkedValue(row, raw);
    if ('words' in checked) {
      refusals.push({ name: row.name, words: checked.words });
      sound = false;
      if (checked.conflict !== undefined) conflict = Math.max(conflict ?? 0, checked.conflict);
      continue;
    }
    // Where there is one there are no copies to tell apart.
    const engine = series.length === 1 ? '' : labelsTextWithout(one.labels, copies);
    engines.set(engine, Math.max(engines.get(engine) ?? 0, checked.value));
    timestampMs = earlier(timestampMs, stamp);
  }
  if (conflict !== undefined) conflicts.push({ metric: row.metric as Metric, value: conflict });
  if (!sound || engines.size === 0) return undefined;
  const values = [...engines.values()];
  const value = row.merge === 'Sum' ? values.reduce((sum, one) => sum + one, 0) : Math.max(...values);
  return timestampMs === undefined ? { value } : { value, timestampMs };
}
