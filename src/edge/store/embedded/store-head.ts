import { GENESIS } from '../audit/audit-record.ts';
import type { Revision } from '../documents/document.ts';
import type { RawRecord } from './record-file.ts';
import { HEAD, type ParsedKey, parseKey, under } from './record-keys.ts';
import { AUDIT_SHAPE, HEAD_SHAPE, type Head } from './record-shapes.ts';
import { type Read, type Records, readRecord } from './records.ts';

/** Of an empty store. */
export function firstHead(): Head {
  return {
    revision: 0,
    floor: 0,
    auditSequence: 0,
    auditHash: GENESIS,
    fence: 0,
    idempotencySequence: 0,
    damagedSequence: 0,
  };
}

export function readHead(records: Records): Read<Head> {
  const text = records.file.get(HEAD);
  return text === undefined ? { ok: false, reason: 'it is missing' } : readRecord(HEAD, text, HEAD_SHAPE);
}

/** The newest revision that the keys of some records name. */
export function newestRevision(keys: readonly (ParsedKey | undefined)[]): Revision {
  return keys.reduce((newest, key) => Math.max(newest, revisionOf(key) ?? 0), 0);
}

export function revisionOf(key: ParsedKey | undefined): Revision | undefined {
  return key?.kind === 'Transaction' || key?.kind === 'Version' ? key.revision : undefined;
}

/**
 * Where the store stands, from what is there. The newest transaction may be among what is lost, and its revision must not come
 * twice, or a conditional write would take a new document for the one that its author has seen: so counting goes on at the seconds
 * of the clock, which no store reaches by writing. What was before is below the floor: still in the history, not listed.
 */
export function rebuiltHead(records: Records, newest: Revision, nowMs: number): Head {
  const revision = Math.max(newest + 1, Math.floor(nowMs / 1000));
  return {
    revision,
    floor: revision,
    ...auditEnd(lastOf(records, 'audit')),
    fence: revision,
    idempotencySequence: sequenceOf(lastOf(records, 'idempotency-age')),
    damagedSequence: sequenceOf(lastOf(records, 'damaged')),
  };
}

function auditEnd(last: RawRecord | undefined): Pick<Head, 'auditSequence' | 'auditHash'> {
  const read = last === undefined ? undefined : readRecord(last.key, last.value, AUDIT_SHAPE);
  // A damaged last record breaks the trail there, whatever follows it: the check will say so.
  return { auditSequence: sequenceOf(last), auditHash: read?.ok === true ? read.value.hash : GENESIS };
}

function lastOf(records: Records, prefix: string): RawRecord | undefined {
  return records.raw({ ...under(prefix), reverse: true, limit: 1 })[0];
}

function sequenceOf(raw: RawRecord | undefined): number {
  const key = raw === undefined ? undefined : parseKey(raw.key);
  return key !== undefined && 'sequence' in key ? key.sequence : 0;
}
