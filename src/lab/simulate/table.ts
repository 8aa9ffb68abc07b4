import type { Comparison } from './compare.ts';
import type { Outcome } from './measures.ts';
import type { Arm } from './scenario.ts';
import type { Shift } from './shift.ts';

/** One line for each scenario and arm, for a person. */
export function comparisonTable(comparisons: readonly Comparison[]): readonly (readonly string[])[] {
  const head = [
    'scenario',
    'arm',
    'goodput',
    'Loadline better by',
    'TTFT p50',
    'TTFT p99',
    'imbalance',
    'errors',
    'pushes/min',
    't50/t90 s',
  ];
  return [head, ...comparisons.flatMap(rowsOf)];
}

function rowsOf({ scenario, arms, gain }: Comparison): readonly (readonly string[])[] {
  return arms.map(({ arm, mean, shifts }, index) => [
    index === 0 ? scenario : '',
    arm,
    `${(100 * mean.goodput).toFixed(2)} %`,
    gainText(gain[arm]),
    ms(mean.ttftP50Ms),
    ms(mean.ttftP99Ms),
    mean.imbalance.toFixed(2),
    mean.errors.toFixed(0),
    pushes(arm, mean),
    shifts.map(shiftText).join(', '),
  ]);
}

function gainText(gain: Comparison['gain'][Arm]): string {
  if (gain === undefined) return '';
  const sign = gain.mean >= 0 ? '+' : '';
  return `${sign}${gain.mean.toFixed(2)}${gain.halfWidth === undefined ? '' : ` ±${gain.halfWidth.toFixed(2)}`}`;
}

function pushes(arm: Arm, { pushesPerMin }: Outcome): string {
  return arm === 'Loadline' ? pushesPerMin.toFixed(1) : '';
}

/** Seconds to half and nine tenths of the way. */
export function shiftText({ t50Ms, t90Ms }: Shift): string {
  return [t50Ms, t90Ms].map((atMs) => (atMs === undefined ? 'never' : (atMs / 1000).toFixed(1))).join('/');
}

function ms(value: number): string {
  if (!Number.isFinite(value)) return 'never';
  return value < 1000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(1)} s`;
}
