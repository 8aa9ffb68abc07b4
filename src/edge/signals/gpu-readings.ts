import type { Metric } from '../../core/topology/index.ts';
import type { Series } from './exposition-line.ts';
import { GPU_ROWS } from './formats/gpu-formats.ts';
import type { MetricRow, TableMetric } from './formats/row.ts';
import type { GpuLabels } from './gpu-labels.ts';
import { checkedValue, earlier, type Reading, type Readings, type Refusal, uniqueSeries } from './reading.ts';

/** A row and its place among its peers: of two names for one metric the lower rank counts. */
export type RankedRow = MetricRow & { readonly rank: number };

type Value = { readonly value: number; readonly row: RankedRow; readonly timestampMs: number | undefined };
type Device = {
  readonly identity: GpuLabels;
  readonly values: Map<TableMetric, Value | 'Refused'>;
  /** Ratios that cannot be: the core says so of the endpoint. */
  readonly conflicts: Map<TableMetric, Pick<Value, 'value' | 'timestampMs'>>;
};

const ROWS = rowsByName(GPU_ROWS);

export function rowsByName(rows: readonly MetricRow[]): ReadonlyMap<string, RankedRow> {
  return new Map(rows.map((row, rank) => [row.name, { ...row, rank }]));
}

/**
 * Makes the readings of every GPU (and MIG instance) of a page. `identify` reads who a series is about; undefined drops
 * the series. A bad value costs its own GPU that one metric and nothing else.
 */
export function gpuReadings(
  page: readonly Series[],
  identify: (series: Series) => GpuLabels | undefined,
  rows: ReadonlyMap<string, RankedRow> = ROWS,
): Readings {
  const { series, contradicted } = uniqueSeries(page);
  const refusals: Refusal[] = [];
  const devices = new Map<string, Device>();
  const deviceOf = (series: Series): Device | undefined => {
    const identity = identify(series);
    if (identity === undefined) return undefined;
    const key = JSON.stringify([identity.gpu, identity.pod, identity.node, identity.address]);
    let device = devices.get(key);
    if (device === undefined) {
      device = { identity, values: new Map(), conflicts: new Map() };
      devices.set(key, device);
    }
    return device;
  };
  for (const one of contradicted) {
    const { name } = one;
    const row = rows.get(name);
    const device = row === undefined ? undefined : deviceOf(one);
    if (row === undefined || device === undefined) continue;
    refusals.push({ name, words: `of ${device.identity.gpu} appears twice with different values` });
    device.values.set(row.metric, 'Refused');
  }
  for (const one of series) {
    const row = rows.get(one.name);
    if (row?.only !== undefined && !row.only.values.includes(one.labels.get(row.only.label) ?? '')) continue;
    const device = row === undefined ? undefined : deviceOf(one);
    if (row !== undefined && device !== undefined) take(device, row, one, refusals);
  }
  const partitioned = partitionedGpus(devices.values());
  const readings = [...devices.values()].flatMap((device) => readingsOf(device, partitioned));
  const conflicts = [...devices.values()].flatMap((device) => conflictsOf(device, partitioned));
  return conflicts.length === 0 ? { readings, refusals } : { readings, refusals, conflicts };
}

function take(device: Device, row: RankedRow, series: Series, refusals: Refusal[]): void {
  const before = device.values.get(row.metric);
  if (before === 'Refused') return;
  const checked = checkedValue(row, rawOf(row, series));
  if ('words' in checked) {
    refusals.push({ name: row.name, words: `of ${device.identity.gpu} ${checked.words}` });
    device.values.set(row.metric, 'Refused');
    if (checked.conflict !== undefined)
      device.conflicts.set(row.metric, { value: checked.conflict, timestampMs: series.timestampMs });
    return;
  }
  // Two names for one metric: the upper row of the table. One name twice (two containers of a pod): the larger value.
  if (before !== undefined && before.row !== row && row.fold !== 'Max') {
    if (before.row.rank < row.rank) return;
  } else if (before !== undefined && before.value >= checked.value) {
    return;
  }
  device.values.set(row.metric, { value: checked.value, row, timestampMs: series.timestampMs });
}

function rawOf({ valueFrom, only }: RankedRow, { value, labels }: Series): number {
  if (valueFrom === undefined || only === undefined || Number.isNaN(value)) return value;
  return value > 0 ? Number(labels.get(only.label)) : 0;
}

/**
 * UUIDs of devices that are cut (MIG) or shared (time slicing, MPS: one GPU that shows up under several pods). What such
 * a device reports does not speak for one endpoint, nor does what its parent reports.
 */
function partitionedGpus(devices: Iterable<Device>): ReadonlySet<string> {
  const partitioned = new Set<string>();
  const pods = new Map<string, string>();
  for (const { identity, values } of devices) {
    const { uuid, instance, pod } = identity;
    const mig = values.get('migMode');
    if (instance !== undefined || (mig !== undefined && mig !== 'Refused' && mig.value === 1)) partitioned.add(uuid);
    if (pod === undefined) continue;
    const other = pods.get(uuid);
    if (other !== undefined && other !== pod) partitioned.add(uuid);
    pods.set(uuid, pod);
  }
  return partitioned;
}

function readingsOf({ identity, values }: Device, partitioned: ReadonlySet<string>): Reading[] {
  const about = aboutOf(identity, partitioned);
  const readings: Reading[] = [];
  const push = (metric: Metric, value: number, timestampMs: number | undefined): void => {
    readings.push({ metric, value, ...about, ...(timestampMs === undefined ? {} : { timestampMs }) });
  };
  for (const [metric, found] of values) {
    if (found === 'Refused' || isAuxiliary(metric)) continue;
    push(metric, found.value, found.timestampMs);
  }
  if (!values.has('memoryTotalBytes')) {
    const total = derivedTotal(values);
    if (total !== undefined) push('memoryTotalBytes', total.value, total.timestampMs);
  }
  return readings;
}

function conflictsOf({ identity, conflicts }: Device, partitioned: ReadonlySet<string>): Reading[] {
  const about = aboutOf(identity, partitioned);
  return [...conflicts].flatMap(([metric, { value, timestampMs }]): Reading[] =>
    isAuxiliary(metric) ? [] : [{ metric, value, ...about, ...(timestampMs === undefined ? {} : { timestampMs }) }],
  );
}

function aboutOf({ gpu, pod, node, address, uuid }: GpuLabels, partitioned: ReadonlySet<string>) {
  return {
    gpu,
    device: partitioned.has(uuid) ? ('Partitioned' as const) : ('Whole' as const),
    ...(pod === undefined ? {} : { pod }),
    ...(node === undefined ? {} : { node }),
    ...(address === undefined ? {} : { address }),
  };
}

function derivedTotal(
  values: ReadonlyMap<TableMetric, Value | 'Refused'>,
): { readonly value: number; readonly timestampMs: number | undefined } | undefined {
  const used = values.get('memoryUsedBytes');
  const free = values.get('memoryFreeBytes');
  const reserved = values.get('memoryReservedBytes');
  if (used === undefined || used === 'Refused' || free === undefined || free === 'Refused') return undefined;
  if (reserved === 'Refused') return undefined;
  return {
    value: used.value + free.value + (reserved?.value ?? 0),
    timestampMs: earlier(used.timestampMs, free.timestampMs),
  };
}

function isAuxiliary(metric: TableMetric): metric is Exclude<TableMetric, Metric> {
  return (
    metric === 'kvCapacityTokens' ||
    metric === 'memoryFreeBytes' ||
    metric === 'memoryReservedBytes' ||
    metric === 'migMode'
  );
}
