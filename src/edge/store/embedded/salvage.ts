import type * as Sqlite from 'node-sqlite3-wasm';
import type { RawRecord } from './record-file.ts';
import { removeLock, sqlite } from './sqlite-file.ts';

/** Rows that are read at once; around a damaged page the step shrinks to one. */
const STEP = 64;
/** Failures in a row before the rest is given up. */
const MAX_FAILURES = 500;
/** A damaged leaf of the table has a few dozen rows: these are tried one by one, what lies behind in longer steps. */
const FINE_FAILURES = 64;
const COARSE_STEP = 32;

/**
 * What can still be read of a damaged database. Its index may lie, so the rows are taken by their number, and where that
 * fails, one by one. Whether a row can be believed says its checksum, later.
 */
export function salvage(path: string): readonly RawRecord[] {
  removeLock(path);
  let database: Sqlite.Database;
  try {
    database = new (sqlite().Database)(path, { fileMustExist: true });
  } catch {
    return []; // it says no more than "could not open"; that nothing was saved is told
  }
  try {
    attempt(() => database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA cell_size_check = ON'));
    return rows(database);
  } finally {
    attempt(() => database.close());
  }
}

function rows(database: Sqlite.Database): readonly RawRecord[] {
  const found = new Map<string, string>();
  const query = 'SELECT rowid AS id, key, value FROM records NOT INDEXED WHERE rowid > ? ORDER BY rowid LIMIT ?';
  let after = 0;
  let limit = STEP;
  for (let failures = 0; failures < MAX_FAILURES; ) {
    const batch = attempt(() => database.all(query, [after, limit]));
    const last = batch?.at(-1);
    // Pages out of order can lead back: that is a failure, too, or there would be no end.
    if (batch === undefined || Number(last?.id) <= after) {
      failures += 1;
      if (limit === 1) after += failures <= FINE_FAILURES ? 1 : COARSE_STEP;
      limit = 1;
      continue;
    }
    if (last === undefined) break;
    for (const { key, value } of batch) if (typeof key === 'string' && typeof value === 'string') found.set(key, value);
    after = Number(last.id);
    failures = 0;
    limit = STEP;
  }
  return [...found].map(([key, value]) => ({ key, value }));
}

/** undefined where the database cannot do it: each failure here is one more piece that is lost, and the losses are told. */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return undefined;
  }
}
