import type { Alive, Sample } from './sample.ts';
import { changeOf, type Tolerance, type Trend, trendOf } from './trend.ts';

type Quantity = { readonly name: string; readonly unit: string; readonly of: (sample: Sample) => number } & Tolerance;

/** Counts follow the number of clients, which wanders by some of the fleet. */
const COUNT: Tolerance = { ratio: 0.1, amount: 20 };
const MEMORY: readonly Quantity[] = [
  { name: 'RSS', unit: 'MiB', of: ({ rssMib }) => rssMib, ratio: 0.1, amount: 20 },
  { name: 'heap', unit: 'MiB', of: ({ heapMib }) => heapMib, ratio: 0.05, amount: 2 },
  // An answer of client status under way is 17 MiB with 200 clients.
  { name: 'external', unit: 'MiB', of: ({ externalMib }) => externalMib, ratio: 0.1, amount: 20 },
  { name: 'open files', unit: '', of: ({ files }) => files, ...COUNT },
];

export type Run = {
  readonly atMs: readonly number[];
  readonly samples: readonly Sample[];
  readonly aliveBefore: Alive;
  readonly aliveAfter: Alive;
  readonly hoursBetween: number;
};

/** The trend of everything that was measured. */
export function trendsOf({ atMs, samples, aliveBefore, aliveAfter, hoursBetween }: Run): readonly Trend[] {
  const kinds = [...new Set(samples.flatMap(({ resources }) => Object.keys(resources)))].sort();
  const active = kinds.map((kind): Quantity => {
    return { name: kind, unit: 'active', of: ({ resources }) => resources[kind] ?? 0, ...COUNT };
  });
  const sampled = [...MEMORY, ...active].map(({ name, unit, of, ratio, amount }) =>
    trendOf({ name, unit, atMs, values: samples.map(of) }, { ratio, amount }),
  );
  const alive = (Object.keys(aliveBefore) as (keyof Alive)[]).map((name) =>
    changeOf({ name, unit: 'alive', first: aliveBefore[name], last: aliveAfter[name], hours: hoursBetween }, COUNT),
  );
  return [...sampled, ...alive];
}
