import type { AuditRecord } from '../audit/audit-record.ts';
import type { FoundRecord } from '../audit/verify-trail.ts';
import type {
  Damage,
  Document,
  DocumentKey,
  DocumentList,
  Revision,
  Transaction,
  Version,
} from '../documents/document.ts';
import { documentOf } from './apply-write.ts';
import { auditKey, parseKey, transactionKey, under, versionKey } from './record-keys.ts';
import { AUDIT_SHAPE, DOCUMENT_SHAPE, type StoredVersion, TRANSACTION_SHAPE, VERSION_SHAPE } from './record-shapes.ts';
import { type Records, readRecord } from './records.ts';

/** The documents as they are. One that was damaged since the store was opened is told like those found then. */
export function documentsNow(records: Records, nowMs: number): DocumentList {
  const documents: Document[] = [];
  const damaged: Damage[] = [];
  for (const { key, value } of records.raw(under('document'))) {
    const parsed = parseKey(key);
    if (parsed?.kind !== 'Document') continue;
    const read = readRecord(key, value, DOCUMENT_SHAPE);
    const document = read.ok ? documentOf(parsed.document, read.value) : undefined;
    if (document !== undefined) documents.push(document);
    else {
      const told =
        read.ok && read.value.lost !== undefined ? { reason: read.value.lost, atMs: read.value.atMs } : undefined;
      const reason = read.ok ? 'it is lost' : read.reason;
      damaged.push({ record: key, document: parsed.document, ...(told ?? { reason, atMs: nowMs }) });
    }
  }
  return { revision: records.head().revision, documents, damaged };
}

/** The documents as they were: of each the newest version up to the revision. */
export function documentsAt(records: Records, revision: Revision, nowMs: number): DocumentList {
  const newest = new Map<string, Version>();
  const damages = new Map<string, Damage>();
  for (const { key, value } of records.raw(under('history'))) {
    const parsed = parseKey(key);
    if (parsed?.kind !== 'Version' || parsed.revision > revision) continue;
    const id = `${parsed.document.kind}/${parsed.document.name}`;
    const read = readRecord(key, value, VERSION_SHAPE);
    damages.delete(id);
    if (read.ok && read.value.operation !== 'Lost')
      newest.set(id, versionOf(parsed.document, parsed.revision, read.value));
    else {
      newest.delete(id);
      const reason = read.ok ? read.value.reason : read.reason;
      damages.set(id, { record: key, document: parsed.document, reason, atMs: read.ok ? read.value.atMs : nowMs });
    }
  }
  return {
    revision,
    documents: [...newest.values()].flatMap((one) => documentAt(one) ?? []),
    damaged: [...damages.values()],
  };
}

/** Newest first. */
export function versionsOf(
  records: Records,
  key: DocumentKey | undefined,
  before: Revision | undefined,
  limit: number,
): readonly Version[] {
  if (key === undefined) return allVersions(records, before, limit);
  const { from, below } = under(`history/${key.kind}/${key.name}`);
  const range = { from, below: before === undefined ? below : versionKey(key, before), reverse: true, limit };
  return records.raw(range).flatMap(({ key: record, value }) => {
    const parsed = parseKey(record);
    return parsed?.kind === 'Version' ? [foundVersion(key, parsed.revision, record, value)] : [];
  });
}

/** Everything that a transaction changed; undefined when it, or a part of it, is not to be had. */
export function transactionAt(records: Records, revision: Revision): Transaction | undefined {
  const key = transactionKey(revision);
  const text = records.file.get(key);
  const read = text === undefined ? undefined : readRecord(key, text, TRANSACTION_SHAPE);
  if (read?.ok !== true) return undefined;
  const versions: Version[] = [];
  for (const change of read.value.changes) {
    const version = versionAt(records, change, revision);
    if (version === undefined || version.operation === 'Lost') return undefined;
    versions.push(version);
  }
  return { revision, versions };
}

/** Newest first; what is damaged is left out here, and told by the check of the trail. */
export function auditPage(records: Records, before: number | undefined, limit: number): readonly AuditRecord[] {
  const { from, below } = under('audit');
  const range = { from, below: before === undefined ? below : auditKey(before), reverse: true, limit };
  return records.raw(range).flatMap(({ key, value }) => {
    const read = readRecord(key, value, AUDIT_SHAPE);
    return read.ok ? [read.value] : [];
  });
}

const TRAIL_PAGE = 500;

/** The whole trail, oldest first, a page at a time: it may be long. */
export function* trail(records: Records): Generator<FoundRecord> {
  const { from, below } = under('audit');
  for (let next = from; ; ) {
    const page = records.raw({ from: next, below, limit: TRAIL_PAGE });
    for (const { key, value } of page) {
      const parsed = parseKey(key);
      const sequence = parsed?.kind === 'Audit' ? parsed.sequence : 0;
      const read = readRecord(key, value, AUDIT_SHAPE);
      yield read.ok
        ? { ok: true, record: read.value }
        : { ok: false, sequence, reason: `it is damaged: ${read.reason}` };
    }
    const last = page.at(-1);
    if (last === undefined || page.length < TRAIL_PAGE) return;
    next = `${last.key}!`;
  }
}

export function versionAt(records: Records, key: DocumentKey, revision: Revision): Version | undefined {
  const record = versionKey(key, revision);
  const text = records.file.get(record);
  return text === undefined ? undefined : foundVersion(key, revision, record, text);
}

function allVersions(records: Records, before: Revision | undefined, limit: number): readonly Version[] {
  const { from, below } = under('transaction');
  const range = { from, below: before === undefined ? below : transactionKey(before), reverse: true, limit };
  const versions: Version[] = [];
  for (const { key, value } of records.raw(range)) {
    const parsed = parseKey(key);
    const read = readRecord(key, value, TRANSACTION_SHAPE);
    if (parsed?.kind !== 'Transaction' || !read.ok) continue;
    // A page ends with a whole transaction, so that the next one can go on below its revision.
    if (versions.length > 0 && versions.length + read.value.changes.length > limit) break;
    for (const change of read.value.changes) {
      const version = versionAt(records, change, parsed.revision);
      if (version !== undefined) versions.push(version);
    }
  }
  return versions;
}

function foundVersion(key: DocumentKey, revision: Revision, record: string, text: string): Version {
  const read = readRecord(record, text, VERSION_SHAPE);
  if (read.ok) return versionOf(key, revision, read.value);
  return versionOf(key, revision, { operation: 'Lost', created: revision, author: '', reason: read.reason, atMs: 0 });
}

function versionOf({ kind, name }: DocumentKey, revision: Revision, stored: StoredVersion): Version {
  const { operation, created, content, file, line = 1, author, reason, atMs } = stored;
  return { kind, name, revision, created, operation, content, file, line, author, reason, atMs };
}

function documentAt({ operation, content, ...rest }: Version): Document | undefined {
  return operation === 'Put' && content !== undefined ? { ...rest, content } : undefined;
}
