import { join } from 'node:path';
import { LoadlineError } from '../../../base/errors.ts';
import type { AuditEntry, AuditRecord } from '../audit/audit-record.ts';
import { acquireDataLock, type DataLock } from '../data-lock.ts';
import { checkAuthorship, checkWrite } from '../documents/check-write.ts';
import type {
  Document,
  DocumentKey,
  DocumentList,
  Revision,
  Version,
  WriteOutcome,
  WriteRequest,
} from '../documents/document.ts';
import type {
  DocumentStore,
  Lease,
  LeaseOutcome,
  ListAtOutcome,
  RecordOutcome,
  StoreStatus,
  WatchEvent,
} from '../documents/document-store.ts';
import { type FileSystem, nodeFileSystem } from '../file-system.ts';
import { type ProcessTable, systemProcesses } from '../process-table.ts';
import { answerOf, appendAudit, applyWrite, documentOf, type WriteLimits } from './apply-write.ts';
import { Leases } from './leases.ts';
import { damageOf, type Mended } from './mend.ts';
import { openRecords } from './open-records.ts';
import { auditPage, documentsAt, documentsNow, transactionAt, versionsOf } from './read-records.ts';
import type { Records } from './records.ts';
import { StoreWatch } from './store-watch.ts';
import { WriteQueue } from './write-queue.ts';

export type EmbeddedStoreOptions = {
  /** Its own directory within the data directory; created when it is missing. */
  readonly folder: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly limits?: Partial<WriteLimits>;
  readonly fs?: FileSystem;
  readonly processes?: ProcessTable;
};

export type OpenedStore = {
  readonly store: EmbeddedStore;
  /** What was damaged and is told now, because this start has found it. */
  readonly mended: Mended & {
    /** Where the damaged database lies, when it was made anew from what could be read of it. */
    readonly salvagedFrom: string | undefined;
  };
};

/** Beside the checkpoints in the data directory. */
const STORE_FOLDER = 'store';
export const STORE_FILE = 'store.db';
const DEFAULT_LIMITS: WriteLimits = { keptRevisions: 1000, keptAnswers: 10_000 };
const DEFAULT_PAGE = 100;
const MAX_PAGE = 1000;

/** The store in a directory of its own, for one server: {@link DocumentStore} on an embedded database. */
export class EmbeddedStore implements DocumentStore {
  readonly #folder: string;
  readonly #now: () => number;
  readonly #limits: WriteLimits;
  readonly #lock: DataLock;
  readonly #records: Records;
  readonly #queue: WriteQueue;
  readonly #leases = new Leases();
  readonly #watches = new Set<StoreWatch>();
  #failure: string | undefined;
  #closed = false;

  /**
   * Takes the directory and mends what is damaged.
   * @throws LoadlineError LOADLINE_STORE when it cannot be used, or another live server holds it
   */
  static async open(options: EmbeddedStoreOptions): Promise<OpenedStore> {
    const { folder, fs = nodeFileSystem, processes = systemProcesses, now = Date.now } = options;
    let lock: DataLock | undefined;
    try {
      await fs.makeFolder(folder);
      lock = await acquireDataLock(folder, fs, processes);
      const { records, ...mended } = openRecords(join(folder, STORE_FILE), now());
      return { store: new EmbeddedStore(options, lock, records), mended };
    } catch (cause) {
      await lock?.release();
      throw cause instanceof LoadlineError ? cause : storeError(folder, cause);
    }
  }

  private constructor({ folder, now = Date.now, limits }: EmbeddedStoreOptions, lock: DataLock, records: Records) {
    this.#folder = folder;
    this.#now = now;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#lock = lock;
    this.#records = records;
    this.#queue = new WriteQueue(
      records.file,
      (error) => this.#failed(error),
      () => this.#committed(),
    );
  }

  async write(request: WriteRequest): Promise<WriteOutcome> {
    const issues = checkWrite(request);
    if (issues.length > 0) return { kind: 'Refused', issues };
    return this.#enqueue((nowMs): WriteOutcome => {
      if (!this.#leases.admits(request.fence, nowMs))
        return { kind: 'Fenced', holder: this.#leases.current(request.fence?.lease ?? '', nowMs)?.holder };
      return applyWrite(this.#records, request, nowMs, this.#limits);
    });
  }

  async answered(request: WriteRequest): Promise<WriteOutcome | undefined> {
    return this.#read(() => answerOf(this.#records, request, this.#now()));
  }

  async get(key: DocumentKey): Promise<Document | undefined> {
    return this.#read(() => {
      const stored = this.#records.document(key);
      if (stored?.lost !== undefined)
        throw new LoadlineError(
          'LOADLINE_STORE',
          `${key.kind}/${key.name} is damaged (${stored.lost}); apply it again, or go back to an earlier version of it`,
        );
      return documentOf(key, stored);
    });
  }

  async list(): Promise<DocumentList> {
    return this.#read(() => documentsNow(this.#records, this.#now()));
  }

  async listAt(revision: Revision): Promise<ListAtOutcome> {
    return this.#read(() => {
      const { floor, revision: newest } = this.#records.head();
      if (!Number.isSafeInteger(revision) || revision < floor || revision > newest)
        return { kind: 'OutOfRange', floor, newest };
      return { kind: 'Listed', list: documentsAt(this.#records, revision, this.#now()) };
    });
  }

  async history(query: {
    readonly key?: DocumentKey;
    readonly before?: Revision;
    readonly limit?: number;
  }): Promise<readonly Version[]> {
    return this.#read(() => versionsOf(this.#records, query.key, query.before, pageOf(query.limit)));
  }

  watch(after: Revision, signal?: AbortSignal): AsyncIterableIterator<WatchEvent> {
    const source = {
      newest: () => this.#read(() => this.#records.head().revision),
      floor: () => this.#read(() => this.#records.head().floor),
      transaction: (revision: Revision) => this.#read(() => transactionAt(this.#records, revision)),
    };
    const abort = (): void => watch.end();
    const watch = new StoreWatch(source, after, () => {
      this.#watches.delete(watch);
      signal?.removeEventListener('abort', abort);
    });
    this.#watches.add(watch);
    signal?.addEventListener('abort', abort);
    if (this.#closed || signal?.aborted === true) watch.end();
    return watch;
  }

  async acquire(name: string, holder: string, ttlMs: number): Promise<LeaseOutcome> {
    let given: Lease | undefined;
    const outcome = this.#enqueue((nowMs): LeaseOutcome => {
      const current = this.#leases.current(name, nowMs);
      if (current !== undefined && current.holder !== holder)
        return { kind: 'Taken', holder: current.holder, expiresAtMs: current.expiresAtMs };
      const lease: Lease = { name, holder, token: current?.token ?? this.#nextToken(), expiresAtMs: nowMs + ttlMs };
      if (current === undefined) given = lease;
      this.#leases.put(lease);
      return { kind: 'Held', lease };
    });
    return outcome.catch((error: unknown) => {
      // Its token is not on the disk: nobody holds it.
      if (given !== undefined) this.#leases.release(given);
      throw error;
    });
  }

  async release(lease: Lease): Promise<void> {
    this.#leases.release(lease);
  }

  async record(entry: AuditEntry): Promise<RecordOutcome> {
    const issues = checkAuthorship(entry);
    if (issues.length > 0) return { kind: 'Refused', issues };
    return this.#enqueue((nowMs): RecordOutcome => {
      const { head, record } = appendAudit(this.#records, this.#records.head(), entry, nowMs);
      this.#records.putHead(head);
      return { kind: 'Recorded', record };
    });
  }

  async audit(query: { readonly before?: number; readonly limit?: number }): Promise<readonly AuditRecord[]> {
    return this.#read(() => auditPage(this.#records, query.before, pageOf(query.limit)));
  }

  async status(): Promise<StoreStatus> {
    return this.#read(() => {
      const { revision, floor, auditSequence, auditHash } = this.#records.head();
      return {
        place: this.#folder,
        revision,
        floor,
        audit: { sequence: auditSequence, hash: auditHash },
        damaged: this.#records.damages().map(damageOf),
        failure: this.#failure,
      };
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queue.idle();
    for (const watch of [...this.#watches]) watch.end();
    try {
      this.#records.file.close();
    } catch (error) {
      throw storeError(this.#folder, error);
    } finally {
      await this.#lock.release();
    }
  }

  #nextToken(): number {
    const head = this.#records.head();
    const fence = head.fence + 1;
    this.#records.putHead({ ...head, fence });
    return fence;
  }

  #enqueue<T>(run: (nowMs: number) => T): Promise<T> {
    this.#requireOpen();
    return this.#queue.add(() => run(this.#now()));
  }

  #read<T>(read: () => T): T {
    this.#requireOpen();
    try {
      return read();
    } catch (error) {
      throw error instanceof LoadlineError ? error : this.#failed(error);
    }
  }

  #committed(): void {
    this.#failure = undefined;
    for (const watch of this.#watches) watch.wake();
  }

  #failed(cause: unknown): LoadlineError {
    const error = storeError(this.#folder, cause);
    this.#failure = error.message;
    return error;
  }

  #requireOpen(): void {
    if (this.#closed) throw new LoadlineError('LOADLINE_STORE', `the store in ${this.#folder} is closed`);
  }
}

/** The directory of the store in a data directory. */
export function storeFolder(data: string): string {
  return join(data, STORE_FOLDER);
}

function pageOf(limit: number = DEFAULT_PAGE): number {
  return Math.max(1, Math.min(MAX_PAGE, Math.floor(limit)));
}

function storeError(folder: string, cause: unknown): LoadlineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new LoadlineError('LOADLINE_STORE', `the store in ${folder}: ${reason}`, cause);
}
