import { mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorCode } from '../error-code.ts';
import { type Mended, mend } from './mend.ts';
import type { RawRecord } from './record-file.ts';
import { Records } from './records.ts';
import { salvage } from './salvage.ts';
import { SqliteDamage, SqliteFile } from './sqlite-file.ts';
import { firstHead } from './store-head.ts';

export type OpenedRecords = Mended & { readonly records: Records; readonly salvagedFrom: string | undefined };

/** What belongs to a database: without its log it is another one. */
const PARTS = ['', '-wal', '-journal', '-shm'];

/** Opens the database, and mends it; one that is damaged as a whole is set aside and made anew from what can be read. */
export function openRecords(path: string, nowMs: number): OpenedRecords {
  let saved: readonly RawRecord[] | undefined;
  let salvagedFrom: string | undefined;
  let file: SqliteFile;
  try {
    file = new SqliteFile(path);
  } catch (error) {
    if (!(error instanceof SqliteDamage)) throw error;
    saved = salvage(path);
    salvagedFrom = setAside(path, nowMs);
    file = new SqliteFile(path);
  }
  try {
    const records = new Records(file);
    const mended = file.transaction((): Mended => {
      for (const { key, value } of saved ?? []) file.put(key, value);
      if (saved === undefined && file.range({ from: '', below: '\u{10ffff}', limit: 1 }).length === 0)
        records.putHead(firstHead());
      return mend(records, nowMs, saved !== undefined);
    });
    return { records, ...mended, salvagedFrom };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** @returns the folder where the damaged database is now */
function setAside(path: string, nowMs: number): string {
  const folder = join(dirname(path), `damaged-${new Date(nowMs).toISOString().replaceAll(':', '')}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const part of PARTS) {
    try {
      renameSync(`${path}${part}`, join(folder, `store.db${part}`));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  }
  return folder;
}
