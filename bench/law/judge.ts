import type { Comparison } from '../../src/lab/simulate/index.ts';
import { MAY_LOSE, MAY_LOSE_IN_OVERLOAD, MOST_PUSHES_PER_MIN, type Row } from './rows.ts';

export type Verdict = { readonly ok: boolean; readonly text: string };

/** What Loadline did in a scenario; both arms must have run. */
function ours(comparison: Comparison) {
  const arm = comparison.arms.find((one) => one.arm === 'Loadline');
  const gain = comparison.gain.LeastRequest;
  if (arm === undefined || gain === undefined)
    throw new Error(`${comparison.scenario} ran without Loadline and least request`);
  return { ...arm, gain };
}

/** One row of what is expected, against what came. */
export function judgeRow(row: Row, comparison: Comparison): Verdict {
  const { mean, gain, shifts } = ours(comparison);
  const shift = shifts[row.back === true ? 1 : 0];
  const checks: { readonly ok: boolean; readonly text: string }[] = [];
  const atLeast = (what: string, value: number, bound: number | undefined): void => {
    if (bound !== undefined) checks.push({ ok: value >= bound, text: `${what} ${value.toFixed(2)} (>= ${bound})` });
  };
  const atMost = (what: string, value: number, bound: number | undefined): void => {
    if (bound !== undefined) checks.push({ ok: value <= bound, text: `${what} ${value.toFixed(2)} (<= ${bound})` });
  };
  atLeast('goodput', 100 * mean.goodput, row.goodput);
  atLeast('gain', gain.mean, row.gain);
  atMost('pushes/min', mean.pushesPerMin, row.pushesPerMin);
  atMost('imbalance', mean.imbalance, row.imbalance);
  atMost('t50', (shift?.t50Ms ?? Number.POSITIVE_INFINITY) / 1000, row.t50Sec);
  atMost('t90', (shift?.t90Ms ?? Number.POSITIVE_INFINITY) / 1000, row.t90Sec);
  return { ok: checks.every(({ ok }) => ok), text: `${row.scenario}: ${checks.map(({ text }) => text).join(', ')}` };
}

/** Nowhere may least request be better than chance explains. */
export function judgeLoss(comparison: Comparison): Verdict {
  const { gain } = ours(comparison);
  const bound = comparison.scenario.includes('overload') ? MAY_LOSE_IN_OVERLOAD : MAY_LOSE;
  const half = gain.halfWidth ?? Number.POSITIVE_INFINITY;
  const shown = `${gain.mean.toFixed(2)} ±${half.toFixed(2)}`;
  return { ok: gain.mean + half >= -bound, text: `${comparison.scenario}: ${shown} points against least request` };
}

export function judgePushes(comparisons: readonly Comparison[]): Verdict {
  const mean = comparisons.reduce((sum, one) => sum + ours(one).mean.pushesPerMin, 0) / comparisons.length;
  return {
    ok: mean <= MOST_PUSHES_PER_MIN,
    text: `pushes/min in the mean of all scenarios ${mean.toFixed(1)} (<= ${MOST_PUSHES_PER_MIN})`,
  };
}

/** Mean goodput of each arm over all scenarios, in percent. */
export function meanGoodput(comparisons: readonly Comparison[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { arms } of comparisons)
    for (const { arm, mean } of arms) sums.set(arm, (sums.get(arm) ?? 0) + (100 * mean.goodput) / comparisons.length);
  return sums;
}
