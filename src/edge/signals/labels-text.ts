import type { Labels } from './exposition-cursor.ts';

/** Labels of one source are the same object on each of its pages, and what they are as text is made once. */
const KNOWN = new WeakMap<Labels, string>();

/** The same text for the same labels, in whatever order, and another for others. */
export function labelsText(labels: Labels): string {
  let text = KNOWN.get(labels);
  if (text === undefined) {
    text = textWithout(labels, []);
    KNOWN.set(labels, text);
  }
  return text;
}

/** As if these labels were absent. */
export function labelsTextWithout(labels: Labels, names: readonly string[]): string {
  return names.some((name) => labels.has(name)) ? textWithout(labels, names) : labelsText(labels);
}

function textWithout(labels: Labels, names: readonly string[]): string {
  const kept = [...labels].filter(([name]) => !names.includes(name));
  return JSON.stringify(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}
