import type { TaintRule } from './taint-rules.ts';

/** `spec.taints` of a Kubernetes node, as far as it matters. Its effect does not: who sets one of these has begun to drain. */
export type Taint = { readonly key: string; readonly value?: string; readonly timeAdded?: string };

/** When the machine of a node goes away, and by which taint. */
export type Departure = {
  readonly key: string;
  readonly atMs: number;
  /** The same as long as the same taint stands: it may be set anew, with a later time in it. */
  readonly identity: string;
};

/** Of a Node object. What is no taint is left out: the API server has checked them. */
export function taintsOf(node: unknown): readonly Taint[] {
  const { spec } = (node ?? {}) as { readonly spec?: { readonly taints?: unknown } };
  const taints = spec?.taints;
  if (!Array.isArray(taints)) return [];
  return taints.flatMap((one: unknown): readonly Taint[] => {
    const { key, value, timeAdded } = (one ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof key !== 'string') return [];
    const ofText = (name: string, text: unknown) => (typeof text === 'string' && text !== '' ? { [name]: text } : {});
    return [{ key, ...ofText('value', value), ...ofText('timeAdded', timeAdded) }];
  });
}

/**
 * What a taint says that was first seen then; undefined: nothing of an end. A time in it counts as far as it can be true: a taint
 * that is older than its deadline means now, and one from the future no more than one of this moment.
 */
export function departureBy(taint: Taint, rules: readonly TaintRule[], seenAtMs: number): Departure | undefined {
  const { key, value } = taint;
  const rule = rules.find((one) => one.key === key && (one.value === undefined || one.value === value));
  if (rule === undefined) return undefined;
  const latestMs = seenAtMs + rule.leftMs;
  const setAtMs = setAt(taint, rule);
  const atMs = setAtMs === undefined ? latestMs : Math.min(Math.max(setAtMs + rule.leftMs, seenAtMs), latestMs);
  return { key, atMs, identity: `${key} ${setAtMs ?? ''}` };
}

function setAt({ value = '', timeAdded }: Taint, { valueIsTime }: TaintRule): number | undefined {
  if (valueIsTime === true && /^\d{9,11}$/.test(value)) return Number(value) * 1000;
  const atMs = timeAdded === undefined ? Number.NaN : Date.parse(timeAdded);
  return Number.isFinite(atMs) ? atMs : undefined;
}
