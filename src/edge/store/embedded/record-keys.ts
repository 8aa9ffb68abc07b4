import type { DocumentKey, Revision } from '../documents/document.ts';
import type { RecordRange } from './record-file.ts';

/** Numbers in keys have as many digits as the largest whole number, so that the order of the bytes is theirs. */
const DIGITS = 16;
/** The byte after `/`: everything that begins with `x/` is below `x0`. */
const AFTER_SLASH = '0';

export const HEAD = 'head';

export function documentKey({ kind, name }: DocumentKey): string {
  return `document/${kind}/${name}`;
}

/** History of one document is one range, oldest first. */
export function versionKey({ kind, name }: DocumentKey, revision: Revision): string {
  return `history/${kind}/${name}/${digits(revision)}`;
}

export function transactionKey(revision: Revision): string {
  return `transaction/${digits(revision)}`;
}

export function auditKey(sequence: number): string {
  return `audit/${digits(sequence)}`;
}

/** `hash` is of the author and her key, which may hold any character. */
export function idempotencyKey(hash: string): string {
  return `idempotency/${hash}`;
}

/** By age, for what is to be forgotten. */
export function idempotencyAgeKey(sequence: number): string {
  return `idempotency-age/${digits(sequence)}`;
}

export function damagedKey(sequence: number): string {
  return `damaged/${digits(sequence)}`;
}

/** All records whose key begins with the words and a `/`. */
export function under(prefix: string): RecordRange {
  return { from: `${prefix}/`, below: `${prefix}${AFTER_SLASH}` };
}

export type ParsedKey =
  | { readonly kind: 'Head' }
  | { readonly kind: 'Document'; readonly document: DocumentKey }
  | { readonly kind: 'Version'; readonly document: DocumentKey; readonly revision: Revision }
  | { readonly kind: 'Transaction'; readonly revision: Revision }
  | { readonly kind: 'Audit'; readonly sequence: number }
  | { readonly kind: 'Idempotency' }
  | { readonly kind: 'IdempotencyAge'; readonly sequence: number }
  | { readonly kind: 'Damaged'; readonly sequence: number };

const PATTERN =
  /^(?:head|document\/(?<dk>[^/]+)\/(?<dn>[^/]+)|history\/(?<hk>[^/]+)\/(?<hn>[^/]+)\/(?<hr>\d{16})|(?<list>transaction|audit|idempotency-age|damaged)\/(?<n>\d{16})|idempotency\/[0-9a-f]{64})$/;

/** undefined for a key that no record of ours has. */
export function parseKey(key: string): ParsedKey | undefined {
  const groups = PATTERN.exec(key)?.groups;
  if (groups === undefined) return undefined;
  const { dk, dn, hk, hn, hr, list, n } = groups;
  if (dk !== undefined) return { kind: 'Document', document: { kind: dk, name: dn as string } };
  if (hk !== undefined) return { kind: 'Version', document: { kind: hk, name: hn as string }, revision: Number(hr) };
  if (list === 'transaction') return { kind: 'Transaction', revision: Number(n) };
  if (list === 'audit') return { kind: 'Audit', sequence: Number(n) };
  if (list === 'idempotency-age') return { kind: 'IdempotencyAge', sequence: Number(n) };
  if (list === 'damaged') return { kind: 'Damaged', sequence: Number(n) };
  return key === HEAD ? { kind: 'Head' } : { kind: 'Idempotency' };
}

function digits(value: number): string {
  return String(value).padStart(DIGITS, '0');
}
