import { copyFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoadlineError } from '../../../base/errors.ts';
import { type AuditChange, type AuditRecord, sha256 } from '../audit/audit-record.ts';
import { type FoundContent, type KnownHead, type TrailVerdict, verifyTrail } from '../audit/verify-trail.ts';
import type { Revision } from '../documents/document.ts';
import { errorCode } from '../error-code.ts';
import { STORE_FILE } from './embedded-store.ts';
import { auditPage, documentsNow, trail, versionAt } from './read-records.ts';
import { Records } from './records.ts';
import { SqliteDamage, SqliteFile } from './sqlite-file.ts';
import { readHead } from './store-head.ts';

/** Parts of the database: its log holds what was written last. */
const PARTS = [STORE_FILE, `${STORE_FILE}-wal`];
/** A server that writes while the copy is made spoils it: it is made again. */
const ATTEMPTS = 10;

/**
 * Checks the audit trail in a store's directory, whether a server uses it or not: a copy is read, and what is there stays as
 * it is, as evidence.
 * @throws LoadlineError LOADLINE_STORE when it cannot be read
 */
export function verifyStoredTrail(folder: string, known?: KnownHead): Promise<TrailVerdict> {
  return withCopy(folder, (records) => {
    const head = readHead(records);
    const floor = head.ok ? head.value.floor : 0;
    const { documents, damaged } = documentsNow(records, 0);
    return verifyTrail({
      records: trail(records),
      head: head.ok ? { sequence: head.value.auditSequence, hash: head.value.auditHash } : undefined,
      known,
      version: (revision, change) => foundVersion(records, revision, change, floor),
      documents: [
        ...documents.map(({ kind, name, content }) => ({ kind, name, found: sha256(content) })),
        ...damaged.flatMap(({ document }) => (document === undefined ? [] : [{ ...document, found: 'Lost' as const }])),
      ],
    });
  });
}

/**
 * A page of the trail, newest first.
 * @throws LoadlineError LOADLINE_STORE when it cannot be read
 */
export function readStoredTrail(
  folder: string,
  query: { readonly before?: number | undefined; readonly limit: number },
): Promise<readonly AuditRecord[]> {
  return withCopy(folder, (records) => auditPage(records, query.before, query.limit));
}

function foundVersion(
  records: Records,
  revision: Revision,
  change: AuditChange,
  floor: Revision,
): FoundContent | 'Gone' {
  const version = versionAt(records, change, revision);
  // Below the floor it may have been cleared away, above it no one does that.
  if (version === undefined) return revision <= floor ? 'Gone' : 'missing';
  if (version.operation === 'Lost') return 'Lost';
  return version.content === undefined ? undefined : sha256(version.content);
}

async function withCopy<T>(folder: string, use: (records: Records) => T): Promise<T> {
  const copy = await mkdtemp(join(tmpdir(), 'loadline-audit-'));
  try {
    await copyParts(folder, copy);
    const file = new SqliteFile(join(copy, STORE_FILE));
    try {
      return use(new Records(file));
    } finally {
      file.close();
    }
  } catch (cause) {
    if (cause instanceof LoadlineError) throw cause;
    throw new LoadlineError('LOADLINE_STORE', `the store in ${folder} cannot be read: ${reasonOf(cause)}`, cause);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

function reasonOf(cause: unknown): string {
  const { message } = cause as Error;
  if (cause instanceof SqliteDamage)
    return `its file is damaged (${message}); the next start of the server makes it anew from what can be read`;
  return errorCode(cause) === 'ENOENT' ? 'there is none yet' : message;
}

async function copyParts(from: string, to: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = await stamp(from);
    for (const part of PARTS) {
      await rm(join(to, part), { force: true });
      await copyFile(join(from, part), join(to, part)).catch((error: unknown) => {
        // After a clean end there is no log.
        if (errorCode(error) !== 'ENOENT' || part === STORE_FILE) throw error;
      });
    }
    if ((await stamp(from)) === before) return;
  }
  throw new LoadlineError('LOADLINE_STORE', `the store in ${from} is written to all the time; try again`);
}

/** Another one when the files have changed. */
async function stamp(folder: string): Promise<string> {
  const parts = PARTS.map(async (part) => {
    try {
      const { mtimeNs, size } = await stat(join(folder, part), { bigint: true });
      return `${mtimeNs}/${size}`;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return '-';
      throw error;
    }
  });
  return (await Promise.all(parts)).join(' ');
}
