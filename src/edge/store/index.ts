export type { AuditChange, AuditEntry, AuditRecord } from './audit/audit-record.ts';
export type { KnownHead, TrailVerdict } from './audit/verify-trail.ts';
export { CheckpointStore, type Loaded } from './checkpoint-store.ts';
export type {
  Change,
  Conflict,
  Damage,
  Document,
  DocumentKey,
  DocumentList,
  Fence,
  Revision,
  Transaction,
  Version,
  WriteOutcome,
  WriteRequest,
} from './documents/document.ts';
export type {
  DocumentStore,
  Lease,
  LeaseOutcome,
  ListAtOutcome,
  RecordOutcome,
  StoreStatus,
  WatchEvent,
} from './documents/document-store.ts';
export { EmbeddedStore, type EmbeddedStoreOptions, type OpenedStore, storeFolder } from './embedded/embedded-store.ts';
export { readStoredTrail, verifyStoredTrail } from './embedded/stored-trail.ts';
export type { FileSystem } from './file-system.ts';
export { KeptFile } from './kept-file.ts';
export { type PolicyRead, type PolicyText, PolicyWatch, readPolicyFiles } from './policy-files.ts';
export type { ProcessTable } from './process-table.ts';
export { readLines } from './read-lines.ts';
export { RotatingFile } from './rotating-file.ts';
