import type { DocumentText, PolicyFile, ReadFile } from '../../../core/policy/index.ts';
import type { Change, Damage, Document, DocumentKey } from '../../store/index.ts';
import type { PolicyOutcome } from './policy-messages.ts';
import { storedTexts } from './stored-texts.ts';

/** The texts of all documents as they would be after a change. */
export type Candidate = {
  readonly files: readonly PolicyFile[];
  readonly reads: ReadonlyMap<PolicyFile, ReadFile>;
};

export type Outcome = DocumentKey & { readonly outcome: PolicyOutcome };

type Entry = { readonly id: string; readonly file: PolicyFile; readonly read?: ReadFile };

/**
 * What is stored, without what is replaced or removed, and with what comes. In the order and under the names that the store
 * gives them after the write, so that they are the same texts then; only a file of a stored document that has the name of one
 * in the request is told apart, because its lines are not those that the author looks at.
 */
export function candidateOf(
  stored: readonly Document[],
  coming: readonly DocumentText[],
  removed: readonly DocumentKey[] = [],
): Candidate {
  const gone = new Set([...removed, ...coming.flatMap(({ key }) => key ?? [])].map(idOf));
  const names = new Set(coming.map(({ part }) => part.name));
  const stay = stored.filter((document) => !gone.has(idOf(document)));
  const entries: Entry[] = storedTexts(stay).map((file, at) => {
    const id = idOf(stay[at] as Document);
    return { id, file: names.has(file.name) ? { ...file, name: `${file.name} (${id} in the store)` } : file };
  });
  for (const { part, key, ...read } of coming)
    entries.push({ id: key === undefined ? '~' : idOf(key), file: part, ...read });
  const sorted = entries.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  return {
    files: sorted.map(({ file }) => file),
    reads: new Map(sorted.flatMap(({ file, read }) => (read === undefined ? [] : [[file, read] as const]))),
  };
}

/** A put for each document that has a key; loading refuses those without. */
export function putsOf(coming: readonly DocumentText[], expected: ReadonlyMap<string, number>): readonly Change[] {
  return coming.flatMap(({ part, key }): readonly Change[] => {
    if (key === undefined) return [];
    const revision = expected.get(idOf(key));
    return [
      {
        operation: 'Put',
        ...key,
        content: part.text,
        file: part.name,
        line: part.firstLine ?? 1,
        ...(revision === undefined ? {} : { expected: revision }),
      },
    ];
  });
}

export function outcomesOf(changes: readonly Change[], stored: readonly Document[]): readonly Outcome[] {
  const byId = new Map(stored.map((document) => [idOf(document), document]));
  return changes.map((change): Outcome => {
    const { kind, name } = change;
    const before = byId.get(idOf(change));
    if (change.operation === 'Delete') return { kind, name, outcome: before === undefined ? 'Unchanged' : 'Deleted' };
    if (before === undefined) return { kind, name, outcome: 'Created' };
    return { kind, name, outcome: before.content === change.content ? 'Unchanged' : 'Configured' };
  });
}

/** Damaged documents that the change leaves as they are. */
export function stillDamaged(damaged: readonly Damage[], changes: readonly Change[]): readonly Damage[] {
  const changed = new Set(changes.map(idOf));
  return damaged.filter(({ document }) => document === undefined || !changed.has(idOf(document)));
}

export function idOf({ kind, name }: DocumentKey): string {
  return `${kind}/${name}`;
}
