import type { Path } from '../text/path.ts';
import { valueAt } from '../text/path.ts';

/** One place where two plain values differ; undefined on the side where there is nothing. */
export type Difference = {
  /** As people read it: elements of lists by what tells them apart. */
  readonly path: readonly (string | Element)[];
  /** Where it stands in the old and the new value, by index. */
  readonly oldAt: Path;
  readonly newAt: Path;
  readonly before: unknown;
  readonly after: unknown;
};

/** An element of a list, by its name, its address, or the value itself. */
export type Element = { readonly element: string };

/** By what elements of a list are told apart: keys of a mapping; of plain values the value. Other lists are compared whole. */
export type Identity = 'Value' | readonly string[];

type Side = { readonly value: unknown; readonly at: Path };

/**
 * What differs, in the order of the new value. Of a thing that is there on one side only one difference is told, not one for
 * each field in it.
 *
 * @param identities by the path of the list, with `*` for elements: `pools.*.endpoints.static`
 */
export function differences(
  before: unknown,
  after: unknown,
  identities: Readonly<Record<string, Identity>>,
): readonly Difference[] {
  const found: Difference[] = [];
  const visit = (old: Side, now: Side, path: Difference['path'], pattern: string): void => {
    const differ = (): void => {
      found.push({ path, oldAt: old.at, newAt: now.at, before: old.value, after: now.value });
    };
    if (isMapping(old.value) && isMapping(now.value)) {
      for (const key of keysOf(now.value, old.value)) {
        const inner = pattern === '' ? key : `${pattern}.${key}`;
        visit(member(old, key), member(now, key), [...path, key], inner);
      }
      return;
    }
    const identity = identities[pattern];
    if (Array.isArray(old.value) && Array.isArray(now.value) && identity !== undefined) {
      const was = elementsOf(old, identity);
      const is = elementsOf(now, identity);
      for (const name of new Set([...is.keys(), ...was.keys()])) {
        const none = { value: undefined, at: [] };
        visit(was.get(name) ?? none, is.get(name) ?? none, [...path, { element: name }], `${pattern}.*`);
      }
      return;
    }
    if (!same(old.value, now.value)) differ();
  };
  visit({ value: before, at: [] }, { value: after, at: [] }, [], '');
  return found;
}

function member({ value, at }: Side, key: string): Side {
  return { value: valueAt(value, [key]), at: [...at, key] };
}

function elementsOf({ value, at }: Side, identity: Identity): ReadonlyMap<string, Side> {
  return new Map(
    (value as readonly unknown[]).map((item, index) => [nameOf(item, identity), { value: item, at: [...at, index] }]),
  );
}

function nameOf(item: unknown, identity: Identity): string {
  if (identity === 'Value') return String(item);
  // Of an IPv6 address the colons are its own.
  return identity
    .map((key) => String(valueAt(item, [key])))
    .map((part) => (part.includes(':') ? `[${part}]` : part))
    .join(':');
}

function keysOf(now: object, old: object): ReadonlySet<string> {
  return new Set([...Object.keys(now), ...Object.keys(old)]);
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Equal as JSON, whatever the order of keys. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => same(item, b[index]));
  if (!isMapping(a) || !isMapping(b)) return false;
  return [...keysOf(a, b)].every((key) => same(valueAt(a, [key]), valueAt(b, [key])));
}
