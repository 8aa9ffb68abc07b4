import { createHash } from 'node:crypto';
import { scrubText } from '../../../base/units/index.ts';
import type { DocumentKey, Revision } from '../documents/document.ts';
import { canonicalJson } from './canonical-json.ts';

/** What was done to one document. The content stands in the history; here is only its hash, so that no secret gets in. */
export type AuditChange = DocumentKey & {
  readonly operation: 'Put' | 'Delete';
  /** SHA-256 of the content, in hex; undefined for a deletion. */
  readonly sha256?: string | undefined;
};

/** What was done that is no write of documents. */
export type AuditEntry = {
  /** Verb in PascalCase: `Freeze`, `Drain`, `Login`. */
  readonly action: string;
  readonly author: string;
  readonly reason: string;
  /** What it was done to, and how: texts, from which secrets are taken. */
  readonly details?: Readonly<Record<string, string>>;
};

export type AuditBody = AuditEntry & {
  /** Counts from 1, without gaps. */
  readonly sequence: number;
  readonly atMs: number;
  /** Of the transaction, when it changed documents. */
  readonly revision?: Revision | undefined;
  readonly changes?: readonly AuditChange[] | undefined;
};

export type AuditRecord = AuditBody & {
  /** Hash of the record before. */
  readonly previous: string;
  readonly hash: string;
};

/** What stands before the first record. */
export const GENESIS: string = '0'.repeat(64);

/** Secrets are taken out before anything is hashed: the chain then proves a text that may be shown. */
export function scrubEntry({ action, author, reason, details }: AuditEntry): AuditEntry {
  const scrubbed =
    details === undefined
      ? {}
      : { details: Object.fromEntries(Object.entries(details).map(([key, text]) => [key, scrubText(text)])) };
  return { action, author: scrubText(author), reason: scrubText(reason), ...scrubbed };
}

/** SHA-256 over the hash before, a line end, and the canonical JSON of the record without its hashes. */
export function sealRecord(body: AuditBody, previous: string): AuditRecord {
  return { ...body, previous, hash: sha256(`${previous}\n${canonicalJson(body)}`) };
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
