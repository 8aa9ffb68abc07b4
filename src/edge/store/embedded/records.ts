import type { z } from 'zod';
import { LoadlineError } from '../../../base/errors.ts';
import type { AuditRecord } from '../audit/audit-record.ts';
import type { Json } from '../audit/canonical-json.ts';
import type { DocumentKey, Revision } from '../documents/document.ts';
import type { RawRecord, RecordFile, RecordRange } from './record-file.ts';
import {
  auditKey,
  documentKey,
  HEAD,
  idempotencyAgeKey,
  idempotencyKey,
  transactionKey,
  under,
  versionKey,
} from './record-keys.ts';
import {
  ANSWER_AGE_SHAPE,
  ANSWER_SHAPE,
  AUDIT_SHAPE,
  DAMAGE_SHAPE,
  DOCUMENT_SHAPE,
  HEAD_SHAPE,
  type Head,
  type StoredAnswer,
  type StoredDamage,
  type StoredDocument,
  type StoredTransaction,
  type StoredVersion,
  TRANSACTION_SHAPE,
  VERSION_SHAPE,
} from './record-shapes.ts';
import { decodeRecord, encodeRecord } from './record-text.ts';

export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** The records of the store by what they mean: each is checked whenever it is read. */
export class Records {
  readonly file: RecordFile;

  constructor(file: RecordFile) {
    this.file = file;
  }

  head(): Head {
    const head = this.#get(HEAD, HEAD_SHAPE);
    if (head === undefined) throw damaged(HEAD, 'it is missing');
    return head;
  }

  document(key: DocumentKey): StoredDocument | undefined {
    return this.#get(documentKey(key), DOCUMENT_SHAPE);
  }

  version(key: DocumentKey, revision: Revision): StoredVersion | undefined {
    return this.#get(versionKey(key, revision), VERSION_SHAPE);
  }

  transaction(revision: Revision): StoredTransaction | undefined {
    return this.#get(transactionKey(revision), TRANSACTION_SHAPE);
  }

  audit(sequence: number): AuditRecord | undefined {
    return this.#get(auditKey(sequence), AUDIT_SHAPE);
  }

  answer(hash: string): StoredAnswer | undefined {
    return this.#get(idempotencyKey(hash), ANSWER_SHAPE);
  }

  putHead(head: Head): void {
    this.#put(HEAD, head);
  }

  putDocument(key: DocumentKey, document: StoredDocument): void {
    this.#put(documentKey(key), document);
  }

  deleteDocument(key: DocumentKey): void {
    this.file.delete(documentKey(key));
  }

  putVersion(key: DocumentKey, revision: Revision, version: StoredVersion): void {
    this.#put(versionKey(key, revision), version);
  }

  putTransaction(revision: Revision, transaction: StoredTransaction): void {
    this.#put(transactionKey(revision), transaction);
  }

  putAudit(record: AuditRecord): void {
    this.#put(auditKey(record.sequence), record);
  }

  putAnswer(hash: string, answer: StoredAnswer): void {
    this.#put(idempotencyKey(hash), answer);
    this.#put(idempotencyAgeKey(answer.sequence), { answer: hash });
  }

  putDamage(key: string, damage: StoredDamage): void {
    this.#put(key, damage);
  }

  /** Keys and texts as they are, for those who look at damage themselves. */
  raw(range: RecordRange): readonly RawRecord[] {
    return this.file.range(range);
  }

  damages(): readonly StoredDamage[] {
    return this.raw(under('damaged')).flatMap(({ key, value }) => {
      const read = readRecord(key, value, DAMAGE_SHAPE);
      return read.ok ? [read.value] : [];
    });
  }

  #put(key: string, value: object): void {
    this.file.put(key, encodeRecord(key, value as Json));
  }

  #get<T>(key: string, shape: z.ZodType<T>): T | undefined {
    const text = this.file.get(key);
    if (text === undefined) return undefined;
    const read = readRecord(key, text, shape);
    if (!read.ok) throw damaged(key, read.reason);
    return read.value;
  }
}

export function readRecord<T>(key: string, text: string, shape: z.ZodType<T>): Read<T> {
  const decoded = decodeRecord(key, text);
  if (!decoded.ok) return decoded;
  const parsed = shape.safeParse(decoded.value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const [issue] = parsed.error.issues;
  return { ok: false, reason: `${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'it is not as it should be'}` };
}

export const SHAPES: Readonly<
  Record<
    'Head' | 'Document' | 'Version' | 'Transaction' | 'Audit' | 'Idempotency' | 'IdempotencyAge' | 'Damaged',
    z.ZodType
  >
> = {
  Head: HEAD_SHAPE,
  Document: DOCUMENT_SHAPE,
  Version: VERSION_SHAPE,
  Transaction: TRANSACTION_SHAPE,
  Audit: AUDIT_SHAPE,
  Idempotency: ANSWER_SHAPE,
  IdempotencyAge: ANSWER_AGE_SHAPE,
  Damaged: DAMAGE_SHAPE,
};

function damaged(key: string, reason: string): LoadlineError {
  return new LoadlineError(
    'LOADLINE_STORE',
    `the record ${key} is damaged: ${reason}; the next start of the server moves it aside`,
  );
}
