import type { DocumentKey, Revision } from '../documents/document.ts';
import { trail } from './read-records.ts';
import { documentKey, parseKey, transactionKey, under } from './record-keys.ts';
import { type StoredDocument, type StoredVersion, TRANSACTION_SHAPE, VERSION_SHAPE } from './record-shapes.ts';
import { type Records, readRecord } from './records.ts';
import { revisionOf } from './store-head.ts';

export type NewestVersion = {
  readonly revision: Revision;
  /** undefined: it is damaged. */
  readonly version: StoredVersion | undefined;
};

/** The newest version of a document that the history has. */
export function newestVersion(records: Records, document: DocumentKey): NewestVersion | undefined {
  const [newest] = records.raw({ ...under(`history/${document.kind}/${document.name}`), reverse: true, limit: 1 });
  const revision = newest === undefined ? undefined : revisionOf(parseKey(newest.key));
  if (newest === undefined || revision === undefined) return undefined;
  const read = readRecord(newest.key, newest.value, VERSION_SHAPE);
  return { revision, version: read.ok ? read.value : undefined };
}

/**
 * The document as the history has it, when that is provably its newest version: all later transactions are there, and none
 * of them changed it. An older version must not come back, and neither must a document that was deleted.
 */
export function restoredDocument(
  records: Records,
  document: DocumentKey,
  { floor, revision: newest }: { readonly floor: Revision; readonly revision: Revision },
): StoredDocument | undefined {
  const found = newestVersion(records, document);
  if (found?.version?.operation !== 'Put' || found.version.content === undefined) return undefined;
  for (let later = Math.max(found.revision, floor) + 1; later <= newest; later += 1) {
    const key = transactionKey(later);
    const text = records.file.get(key);
    const read = text === undefined ? undefined : readRecord(key, text, TRANSACTION_SHAPE);
    if (read?.ok !== true) return undefined;
    if (read.value.changes.some(({ kind, name }) => kind === document.kind && name === document.name)) return undefined;
  }
  const { operation: _, content, ...rest } = found.version;
  return { ...rest, content, revision: found.revision };
}

/**
 * Documents without a record that history or audit trail know and do not know as deleted: after a part of the file was
 * lost they are missing, and who publishes the list would take them away.
 */
export function missingDocuments(records: Records): readonly (DocumentKey & { readonly revision: Revision })[] {
  const newest = new Map<string, DocumentKey & { readonly revision: Revision; readonly deleted: boolean }>();
  const take = ({ kind, name }: DocumentKey, revision: Revision, deleted: boolean): void => {
    const id = `${kind}/${name}`;
    if (revision >= (newest.get(id)?.revision ?? 0)) newest.set(id, { kind, name, revision, deleted });
  };
  for (const found of trail(records)) {
    if (!found.ok) continue;
    for (const change of found.record.changes ?? [])
      take(change, found.record.revision ?? 0, change.operation === 'Delete');
  }
  for (const { key, value } of records.raw(under('history'))) {
    const parsed = parseKey(key);
    if (parsed?.kind !== 'Version') continue;
    const read = readRecord(key, value, VERSION_SHAPE);
    take(parsed.document, parsed.revision, read.ok && read.value.operation === 'Delete');
  }
  return [...newest.values()].filter((one) => !one.deleted && records.file.get(documentKey(one)) === undefined);
}
