import type { Bounded } from './report.ts';

/** The first of many, and how many were left out. */
export function bounded<T>(items: readonly T[], max: number): Bounded<T> {
  return { items: items.slice(0, max), more: Math.max(0, items.length - max) };
}
