import type { Buckets } from '../../core/topology/index.ts';
import type { Labels } from './exposition-cursor.ts';
import { parseValue, type Series } from './exposition-line.ts';
import { labelsTextWithout } from './labels-text.ts';

/** More bounds than any engine has: what a page makes us keep is bounded. */
const MAX_BOUNDS = 64;

/**
 * The histogram of a page as cumulative counts by bound, added up over its engines; copies of one engine count once. A
 * histogram that lacks a bound of one engine, or falls from one bound to the next, is none: undefined, and `words` say why.
 */
export function readBuckets(
  series: readonly Series[],
  copies: readonly string[],
): { readonly buckets?: Buckets; readonly words?: string } {
  const engines = new Map<string, Map<number, number>>();
  for (const { labels, value } of series) {
    const { bound, engine } = headOf(labels, copies);
    if (Number.isNaN(bound) || !(value >= 0)) return { words: 'has a bucket without a bound or a count' };
    if (bound === Number.POSITIVE_INFINITY) continue;
    const counts = engines.get(engine) ?? new Map<number, number>();
    counts.set(bound, Math.max(counts.get(bound) ?? 0, value));
    engines.set(engine, counts);
  }
  const [first, ...others] = [...engines.values()];
  if (first === undefined) return {};
  if (first.size > MAX_BOUNDS) return { words: `has more than ${MAX_BOUNDS} buckets` };
  const bounds = [...first.keys()].sort((a, b) => a - b);
  if (others.some((one) => one.size !== first.size || bounds.some((bound) => !one.has(bound))))
    return { words: 'has buckets of different bounds' };
  const buckets = bounds.map((bound): readonly [number, number] => [
    bound,
    [...engines.values()].reduce((sum, one) => sum + (one.get(bound) ?? 0), 0),
  ]);
  if (buckets.some(([, count], i) => i > 0 && count < (buckets[i - 1]?.[1] ?? 0)))
    return { words: 'has falling buckets' };
  return { buckets };
}

type Head = { readonly bound: number; readonly engine: string };

/** Labels of one source are the same object on each of its pages. */
const HEADS = new WeakMap<Labels, Head>();

function headOf(labels: Labels, copies: readonly string[]): Head {
  let head = HEADS.get(labels);
  if (head === undefined) {
    const bound = parseValue(labels.get('le') ?? '') ?? Number.NaN;
    head = { bound, engine: labelsTextWithout(labels, [...copies, 'le']) };
    HEADS.set(labels, head);
  }
  return head;
}
