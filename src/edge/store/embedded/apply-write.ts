import {
  type AuditChange,
  type AuditEntry,
  type AuditRecord,
  scrubEntry,
  sealRecord,
  sha256,
} from '../audit/audit-record.ts';
import { canonicalJson, type Json } from '../audit/canonical-json.ts';
import type {
  Authorship,
  Change,
  Conflict,
  Document,
  DocumentKey,
  WriteOutcome,
  WriteRequest,
} from '../documents/document.ts';
import { compact } from './compaction.ts';
import { forgetAnswers, MAX_ANSWER_AGE_MS } from './idempotency.ts';
import type { Head, StoredDocument } from './record-shapes.ts';
import type { Records } from './records.ts';

export type WriteLimits = {
  /** Newest revisions of the store that can be listed, rolled back to and watched from. */
  readonly keptRevisions: number;
  /** Idempotency keys that are remembered at a time. */
  readonly keptAnswers: number;
};

type Done = Extract<WriteOutcome, { kind: 'Written' }>;

/**
 * One write within a transaction of the file: first everything is compared, then everything is put. `request` has passed
 * `checkWrite`, and its fence stands.
 */
export function applyWrite(records: Records, request: WriteRequest, nowMs: number, limits: WriteLimits): WriteOutcome {
  const { author, reason } = scrubEntry(request);
  const head = records.head();
  const answered = answerOf(records, request, nowMs);
  if (answered !== undefined) return answered;

  const found = request.changes.map((change) => ({ change, stored: records.document(change) }));
  const conflicts = found.flatMap(({ change, stored }) => conflictOf(change, stored) ?? []);
  const isLate = request.atRevision !== undefined && request.atRevision !== head.revision;
  if (conflicts.length > 0 || isLate) return { kind: 'Conflict', revision: head.revision, conflicts };

  const due = found.filter(({ change, stored }) => !isDone(change, stored));
  const unchanged = found.filter((one) => !due.includes(one)).map(({ change }) => keyOf(change));
  for (const { change, stored } of found) if (isDone(change, stored)) movePlace(records, change, stored);
  const changed = due.map(({ change }) => ({ ...keyOf(change), operation: change.operation }));
  const revision = due.length === 0 ? head.revision : head.revision + 1;
  let next: Head = { ...head, revision };
  if (due.length > 0) {
    const authorship = { author, reason, atMs: nowMs };
    for (const { change, stored } of due) putChange(records, change, stored, revision, authorship);
    records.putTransaction(revision, { changes: changed });
    const entry = { action: request.action, author, reason };
    next = appendAudit(records, next, entry, nowMs, {
      revision,
      changes: due.map(({ change }) => audited(change)),
    }).head;
    next = compact(records, next, limits.keptRevisions);
  }
  if (request.idempotencyKey !== undefined) {
    const sequence = next.idempotencySequence + 1;
    const answer = { sequence, fingerprint: fingerprintOf(request), atMs: nowMs, revision, changed, unchanged };
    records.putAnswer(answerHash(request), answer);
    next = { ...next, idempotencySequence: sequence };
    forgetAnswers(records, sequence, limits.keptAnswers);
  }
  if (next.revision !== head.revision || next.idempotencySequence !== head.idempotencySequence) records.putHead(next);
  return { kind: 'Written', revision, changed, unchanged, replayed: false } satisfies Done;
}

/** Adds a record to the trail; the head with its place is the caller's to put. */
export function appendAudit(
  records: Records,
  head: Head,
  entry: AuditEntry,
  atMs: number,
  more: { readonly revision?: number; readonly changes?: readonly AuditChange[] } = {},
): { readonly head: Head; readonly record: AuditRecord } {
  const sequence = head.auditSequence + 1;
  const record = sealRecord({ sequence, atMs, ...scrubEntry(entry), ...more }, head.auditHash);
  records.putAudit(record);
  return { head: { ...head, auditSequence: sequence, auditHash: record.hash }, record };
}

export function documentOf({ kind, name }: DocumentKey, stored: StoredDocument | undefined): Document | undefined {
  if (stored === undefined || stored.lost !== undefined) return undefined;
  const { revision, created, content, file, line = 1, author, reason, atMs } = stored;
  return { kind, name, content, file, line, revision, created, author, reason, atMs };
}

/** The earlier answer to this idempotency key, or that it was for something else. */
export function answerOf(records: Records, request: WriteRequest, nowMs: number): WriteOutcome | undefined {
  if (request.idempotencyKey === undefined) return undefined;
  const stored = records.answer(answerHash(request));
  if (stored === undefined || nowMs - stored.atMs > MAX_ANSWER_AGE_MS) return undefined;
  const { revision, changed, unchanged } = stored;
  if (stored.fingerprint !== fingerprintOf(request)) return { kind: 'KeyReused', revision };
  return { kind: 'Written', revision, changed, unchanged, replayed: true };
}

function answerHash({ author, idempotencyKey }: WriteRequest): string {
  return sha256(`${author}\n${idempotencyKey}`);
}

function fingerprintOf({ action, reason, asked, changes }: WriteRequest): string {
  const said = asked === undefined ? { action, reason, changes } : { action, reason, asked };
  return sha256(canonicalJson(said as unknown as Json));
}

function conflictOf(change: Change, stored: StoredDocument | undefined): Conflict | undefined {
  const { kind, name, expected } = change;
  const actual = stored?.revision ?? 0;
  if (expected === undefined || expected === actual) return undefined;
  return { kind, name, expected, actual, current: documentOf(change, stored) };
}

function isDone(change: Change, stored: StoredDocument | undefined): boolean {
  if (change.operation === 'Delete') return stored === undefined;
  return stored !== undefined && stored.lost === undefined && stored.content === change.content;
}

/** The same content, at another place of the author's files: that is noted for messages, and is no change. */
function movePlace(records: Records, change: Change, stored: StoredDocument | undefined): void {
  if (change.operation === 'Delete' || stored === undefined || stored.lost !== undefined) return;
  const { file } = change;
  const line = lineOf(change);
  if (file === stored.file && line === stored.line) return;
  records.putDocument(change, { ...stored, file, line });
}

/** A document at the start of its file, as most are, has none. */
function lineOf({ line }: { readonly line?: number }): number | undefined {
  return line === 1 ? undefined : line;
}

function putChange(
  records: Records,
  change: Change,
  stored: StoredDocument | undefined,
  revision: number,
  authorship: Authorship,
): void {
  const created = stored === undefined || stored.lost !== undefined ? revision : stored.created;
  if (change.operation === 'Delete') {
    records.putVersion(change, revision, { operation: 'Delete', created, ...authorship });
    records.deleteDocument(change);
    return;
  }
  const { content, file } = change;
  const line = lineOf(change);
  records.putVersion(change, revision, { operation: 'Put', created, content, file, line, ...authorship });
  records.putDocument(change, { revision, created, content, file, line, ...authorship });
}

function audited(change: Change): AuditChange {
  const { operation } = change;
  return { ...keyOf(change), operation, sha256: operation === 'Put' ? sha256(change.content) : undefined };
}

function keyOf({ kind, name }: DocumentKey): DocumentKey {
  return { kind, name };
}
