import type { Buckets, Metric, Sample, Subject } from '../../topology/index.ts';

/**
 * Samples that follow one another with the same subject, source and time, written once: a page of metrics is a few dozen
 * numbers, and most of each sample would be the same words. The order of the samples is kept.
 */
export type SampleGroup = {
  readonly source: string;
  readonly subject: Subject;
  readonly device?: 'Whole' | 'Partitioned';
  readonly sampledAtMs: number;
  readonly leaseMs?: number;
  /** Of the one value of the group. */
  readonly buckets?: Buckets;
  /** Metric, value (null: not a number) and, where it is not the time of the sample, when it last changed. */
  readonly values: readonly (readonly [metric: Metric, value: number | null, changedAtMs?: number])[];
};

export function groupSamples(samples: readonly Sample[]): readonly SampleGroup[] {
  const groups: { key: string; group: SampleGroup & { values: [Metric, number | null, number?][] } }[] = [];
  for (const { source, subject, device, sampledAtMs, leaseMs, buckets, metric, value, changedAtMs } of samples) {
    const lease = leaseMs === undefined ? {} : { leaseMs };
    const histogram = buckets === undefined ? {} : { buckets };
    const head = { source, subject, ...(device === undefined ? {} : { device }), sampledAtMs, ...lease, ...histogram };
    const key = JSON.stringify(head);
    let last = groups.at(-1);
    if (last?.key !== key) {
      last = { key, group: { ...head, values: [] } };
      groups.push(last);
    }
    const known = Number.isFinite(value) ? value : null;
    last.group.values.push(changedAtMs === sampledAtMs ? [metric, known] : [metric, known, changedAtMs]);
  }
  return groups.map(({ group }) => group);
}

export function ungroupSamples(groups: readonly SampleGroup[]): readonly Sample[] {
  return groups.flatMap(({ values, ...head }) =>
    values.map(([metric, value, changedAtMs]) => ({
      ...head,
      metric,
      value: value ?? Number.NaN,
      changedAtMs: changedAtMs ?? head.sampledAtMs,
    })),
  );
}
