import type { Issue } from '../../../base/units/index.ts';
import type { AuditEntry, AuditRecord } from '../audit/audit-record.ts';
import type {
  Damage,
  Document,
  DocumentKey,
  DocumentList,
  Revision,
  Transaction,
  Version,
  WriteOutcome,
  WriteRequest,
} from './document.ts';

export type WatchEvent =
  | ({ readonly kind: 'Changed' } & Transaction)
  /** What came after the asked revision is no longer kept up to `floor`: list again, and watch from there. Ends the watch. */
  | { readonly kind: 'Compacted'; readonly floor: Revision };

export type Lease = {
  readonly name: string;
  readonly holder: string;
  /** Rises with each new holder: a write that carries it is refused when another one holds the lease by then. */
  readonly token: number;
  readonly expiresAtMs: number;
};

export type LeaseOutcome =
  | { readonly kind: 'Held'; readonly lease: Lease }
  | { readonly kind: 'Taken'; readonly holder: string; readonly expiresAtMs: number };

export type StoreStatus = {
  /** Where it is, in words. */
  readonly place: string;
  readonly revision: Revision;
  /** Revisions up to this one can no longer be read, listed or watched from. */
  readonly floor: Revision;
  readonly audit: { readonly sequence: number; readonly hash: string };
  readonly damaged: readonly Damage[];
  /** The newest failure, until an operation succeeds again. */
  readonly failure: string | undefined;
};

export type ListAtOutcome =
  | { readonly kind: 'Listed'; readonly list: DocumentList }
  /** That revision is below the floor, or has not been yet. */
  | { readonly kind: 'OutOfRange'; readonly floor: Revision; readonly newest: Revision };

export type RecordOutcome =
  | { readonly kind: 'Recorded'; readonly record: AuditRecord }
  | { readonly kind: 'Refused'; readonly issues: readonly Issue[] };

/**
 * Where documents live, in revisions: the seam behind which the embedded engine stands, or a distributed one. What each
 * engine must keep:
 *
 * - A write is one transaction. It is durable before its answer is given, and its audit record is part of it.
 * - Conditions (`expected`, `atRevision`, idempotency key, fence) are checked in the transaction that writes.
 * - Revisions rise by one with each transaction that changes something. All reads are of one revision.
 * - A watch gives the transactions after its revision in order, each whole, each once, none left out. It keeps no queue:
 *   a slow reader reads from the history, and is told when that no longer reaches back.
 * - Bad input is an outcome, and so is a lost race. What fails in the engine rejects with LOADLINE_STORE, changes
 *   nothing that is acknowledged, and leaves the store usable when its cause is gone.
 *
 * In etcd: a document is a key, its revision the key's mod revision, `expected` a compare in a transaction, `atRevision` one on a key that each write puts, `Compacted` the
 * answer to a watch below the compact revision, a lease a key bound to a lease, and its token that key's create revision.
 */
export interface DocumentStore {
  write(request: WriteRequest): Promise<WriteOutcome>;
  /** What an earlier call with the idempotency key of this one was answered; undefined: it is the first, or has none. */
  answered(request: WriteRequest): Promise<WriteOutcome | undefined>;
  /** undefined: there is none. Rejects for one that exists and is damaged. */
  get(key: DocumentKey): Promise<Document | undefined>;
  /** In the order of kind and name. */
  list(): Promise<DocumentList>;
  /** All documents as they were at a revision: what a rollback goes back to. */
  listAt(revision: Revision): Promise<ListAtOutcome>;
  /** Newest first: the versions of one document, or of all. `before`: only those of lower revisions, for the next page. */
  history(query: {
    readonly key?: DocumentKey;
    readonly before?: Revision;
    readonly limit?: number;
  }): Promise<readonly Version[]>;
  /** The transactions after that revision, as they come, until the signal is aborted or the store is closed. */
  watch(after: Revision, signal?: AbortSignal): AsyncIterableIterator<WatchEvent>;
  /** Takes a lease that is free, or prolongs the holder's own. */
  acquire(name: string, holder: string, ttlMs: number): Promise<LeaseOutcome>;
  /** No error when it is another's by now. */
  release(lease: Lease): Promise<void>;
  /** Appends what was done and is no document: an operation, a login, a refusal. */
  record(entry: AuditEntry): Promise<RecordOutcome>;
  /** Newest first. */
  audit(query: { readonly before?: number; readonly limit?: number }): Promise<readonly AuditRecord[]>;
  status(): Promise<StoreStatus>;
  close(): Promise<void>;
}
