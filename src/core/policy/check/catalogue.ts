import type { Issue } from '../../../base/units/index.ts';
import { valueAt } from '../text/path.ts';
import type { PolicyDocument } from '../text/policy-document.ts';
import type { Kind } from './read-kind.ts';

/** A document whose kind is known; `name` where it has one, valid or not. */
export type Entry = { readonly document: PolicyDocument; readonly kind: Kind; readonly name: string | undefined };

/**
 * All documents of all files by kind and name. Documents that are bad elsewhere are in it too, so that a service with a
 * typo is not also reported as missing.
 */
export class Catalogue {
  readonly entries: readonly Entry[];
  /** False when a document could not be read: it may hold any name, so "there is no such" cannot be said. */
  readonly complete: boolean;
  /** One for every document that repeats kind and name of an earlier one. */
  readonly duplicates: readonly Issue[];
  readonly #byName: ReadonlyMap<string, Entry>;

  constructor(entries: readonly Entry[], complete: boolean) {
    const byName = new Map<string, Entry>();
    const duplicates: Issue[] = [];
    for (const entry of entries) {
      if (entry.name === undefined) continue;
      const key = `${entry.kind}/${entry.name}`;
      const first = byName.get(key);
      if (first === undefined) byName.set(key, entry);
      else duplicates.push(duplicate(entry, first));
    }
    this.entries = entries;
    this.complete = complete;
    this.#byName = byName;
    this.duplicates = duplicates;
  }

  find(kind: Kind, name: string): Entry | undefined {
    return this.#byName.get(`${kind}/${name}`);
  }

  names(kind: Kind): readonly string[] {
    return this.entries.flatMap((entry) => (entry.kind === kind && entry.name !== undefined ? [entry.name] : []));
  }
}

export function nameOf(document: PolicyDocument): string | undefined {
  const name = valueAt(document.value, ['metadata', 'name']);
  return typeof name === 'string' ? name : undefined;
}

function duplicate(entry: Entry, first: Entry): Issue {
  const path = ['metadata', 'name'];
  const { file, line, column } = first.document.position(path);
  const message = `expected one ${entry.kind} of this name, got another; the first is at ${file}:${line}:${column}`;
  return entry.document.issue('POLICY_DUPLICATE', path, message);
}
