import { rmdirSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type * as Sqlite from 'node-sqlite3-wasm';
import { loadWasm } from '../../../base/wasm/index.ts';
import { errorCode } from '../error-code.ts';
import type { RawRecord, RecordFile, RecordRange } from './record-file.ts';

/** Marks our files in their header, as `file` and SQLite's own tools show it: "LoLi". */
const APPLICATION_ID = 0x4c6f4c69;
/** Of the table and of what stands in its records. A change that old code cannot read raises it. */
export const FORMAT = 1;

/** There is no version beyond it in sight: a larger number was never written as one. */
const MAX_FORMAT = 1000;

const NO_LIMIT = -1;

/**
 * Records in a SQLite database, through a build of SQLite in WebAssembly: nothing to compile and nothing by platform, and a
 * damaged file is an error, where a database that maps its file into memory would end the process.
 *
 * Write-ahead log with `synchronous = FULL`: one fsync for each transaction, and a torn one is recognised by its checksums.
 * The log's index lives in memory, which SQLite allows to an exclusive owner.
 */
export class SqliteFile implements RecordFile {
  readonly #path: string;
  #database: Sqlite.Database;

  /**
   * The caller has the directory for herself (data-lock.ts): a lock that a killed process left on the file is removed.
   * @throws {@link SqliteDamage} when what is there cannot be trusted
   */
  constructor(path: string) {
    this.#path = path;
    this.#database = open(path);
  }

  get(key: string): string | undefined {
    const row = this.#database.get('SELECT value FROM records WHERE key = ?', key);
    return row === null ? undefined : text(row.value);
  }

  range({ from, below, limit = NO_LIMIT, reverse = false }: RecordRange): readonly RawRecord[] {
    const order = reverse ? 'DESC' : 'ASC';
    const query = `SELECT key, value FROM records WHERE key >= ? AND key < ? ORDER BY key ${order} LIMIT ?`;
    return this.#database
      .all(query, [from, below, limit])
      .map((row) => ({ key: text(row.key), value: text(row.value) }));
  }

  put(key: string, value: string): void {
    const statement =
      'INSERT INTO records (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value';
    this.#database.run(statement, [key, value]);
  }

  delete(key: string): void {
    this.#database.run('DELETE FROM records WHERE key = ?', key);
  }

  /**
   * After a failed fsync nobody knows what is on the disk. The connection stays open then on purpose: SQLite writes the next
   * transaction over the place of the failed one, where a new connection would take that one for committed.
   */
  transaction<T>(body: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = body();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#rollback();
      throw this.#explained(error);
    }
  }

  attempt<T>(body: () => T): T {
    this.#database.exec('SAVEPOINT attempt');
    try {
      const result = body();
      this.#database.exec('RELEASE attempt');
      return result;
    } catch (error) {
      // A failure of the disk has ended the whole transaction already.
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK TO attempt; RELEASE attempt');
      throw error;
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #rollback(): void {
    if (!this.#database.inTransaction) return;
    try {
      this.#database.exec('ROLLBACK');
    } catch {
      // The error that led here is the one to tell. What SQLite cannot take back it takes back when it opens the file.
      this.#database.close();
      this.#database = open(this.#path);
    }
  }

  /** SQLite's words for a full disk are those for a broken one. */
  #explained(error: unknown): unknown {
    if (!isSqliteError(error) || !/disk/.test(error.message)) return error;
    const { bavail } = statfsSync(dirname(this.#path));
    return bavail === 0 ? new Error(`${error.message}: there is no space left`, { cause: error }) : error;
  }
}

/** The database says that the file is not as it left it. */
export class SqliteDamage extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SqliteDamage';
  }
}

/** The file is whole, and of a later version of Loadline. */
export class NewerFormat extends Error {}

let loaded: typeof Sqlite | undefined;

/** Loading compiles 1 MB of WebAssembly: only who opens a store pays for it. */
export function sqlite(): typeof Sqlite {
  loaded ??= loadWasm<typeof Sqlite>('node-sqlite3-wasm', import.meta.url);
  return loaded;
}

export function isSqliteError(error: unknown): error is Error {
  return error instanceof sqlite().SQLite3Error;
}

/** Removes the lock of a process that is gone. Its file system calls have no other lock than a folder. */
export function removeLock(path: string): void {
  try {
    rmdirSync(`${path}.lock`);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

function open(path: string): Sqlite.Database {
  removeLock(path);
  const database = new (sqlite().Database)(path);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA cell_size_check = ON');
    const mode = database.get('PRAGMA journal_mode = WAL')?.journal_mode;
    if (mode !== 'wal') throw new Error(`journal mode is ${mode} instead of wal`);
    // Of the disk's pages also those that a policy was deleted from: it is not to be found there later.
    database.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
    const format = Number(database.get('PRAGMA user_version')?.user_version);
    if (format > FORMAT && format <= MAX_FORMAT)
      throw new NewerFormat(`it has format ${format}; this version of Loadline knows ${FORMAT}`);
    if (format === 0 && isEmpty(database)) create(database);
    else if (format !== FORMAT) throw new SqliteDamage(`its header says format ${format}`);
    const check = database.get('PRAGMA integrity_check(1)')?.integrity_check;
    if (check !== 'ok') throw new SqliteDamage(String(check));
    return database;
  } catch (error) {
    closeQuietly(database);
    if (isSqliteError(error) && /malformed|not a database|corrupt|no such (?:table|column)/.test(error.message))
      throw new SqliteDamage(error.message);
    throw error;
  }
}

/** A new file has format 0; one with tables had another, and its header is damaged. */
function isEmpty(database: Sqlite.Database): boolean {
  return database.all('SELECT name FROM sqlite_schema LIMIT 1').length === 0;
}

function create(database: Sqlite.Database): void {
  database.exec(
    `BEGIN IMMEDIATE;
     CREATE TABLE records (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
     PRAGMA application_id = ${APPLICATION_ID};
     PRAGMA user_version = ${FORMAT};
     COMMIT`,
  );
}

function closeQuietly(database: Sqlite.Database): void {
  try {
    database.close();
  } catch (error) {
    // The reason why it is closed is told by the caller.
    if (!isSqliteError(error)) throw error;
  }
}

/** A damaged cell may hold a number or bytes where a text should be; the checksum of the record then says so. */
function text(value: unknown): string {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
}
