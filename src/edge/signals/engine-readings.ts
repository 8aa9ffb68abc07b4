import type { Metric } from '../../core/topology/index.ts';
import type { Series } from './exposition.ts';
import { ENGINE_TABLE, type MetricRow } from './metric-table.ts';
import { checkedValue, earlier, type Reading, type Readings, type Refusal, uniqueSeries } from './reading.ts';

/**
 * Makes one value per metric of an engine's page, which has one series per data-parallel engine. With several API server
 * processes a gauge may appear once per `pid`, most of them idle copies, so processes are folded by their maximum before
 * engines are merged. One unusable series makes the whole metric unusable: a sum that lacks an engine is a wrong sum.
 */
export function engineReadings(page: readonly Series[]): Readings {
  const { series, contradicted } = uniqueSeries(page);
  const refusals: Refusal[] = contradicted.map(({ name }) => ({ name, words: 'appears twice with different values' }));
  const taken = new Set<Metric>();
  const readings: Reading[] = [];
  for (const row of ENGINE_TABLE) {
    const metric = row.metric as Metric;
    const mine = series.filter(({ name }) => name === row.name);
    const wrong = contradicted.some(({ name }) => name === row.name);
    if ((mine.length === 0 && !wrong) || taken.has(metric)) continue;
    // Also when it is refused: an older name of the same metric does not repair it.
    taken.add(metric);
    const reading = mergeRow(row, metric, mine, refusals);
    if (reading !== undefined && !wrong) readings.push(reading);
  }
  return { readings, refusals };
}

function mergeRow(row: MetricRow, metric: Metric, series: readonly Series[], refusals: Refusal[]): Reading | undefined {
  const engines = new Map<string, number>();
  let timestampMs: number | undefined;
  let sound = true;
  for (const { labels, value: raw, timestampMs: stamp } of series) {
    const checked = checkedValue(row, raw);
    if ('words' in checked) {
      refusals.push({ name: row.name, words: checked.words });
      sound = false;
      continue;
    }
    const engine = JSON.stringify([...labels].filter(([label]) => label !== 'pid').sort());
    engines.set(engine, Math.max(engines.get(engine) ?? 0, checked.value));
    timestampMs = earlier(timestampMs, stamp);
  }
  if (!sound || engines.size === 0) return undefined;
  const values = [...engines.values()];
  const value = row.merge === 'Sum' ? values.reduce((sum, one) => sum + one, 0) : Math.max(...values);
  return timestampMs === undefined ? { metric, value } : { metric, value, timestampMs };
}
