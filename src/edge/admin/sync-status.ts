import type { SyncStatus } from '../observe/index.ts';
import { text } from './wire-values.ts';

const PREFIX = 'SYNC_STATUS_';

/** These words are spelt as xDS spells them, on either side. */
export function toSyncStatus(status: SyncStatus): string {
  return PREFIX + status;
}

export function fromSyncStatus(value: unknown): SyncStatus {
  return text(value).replace(PREFIX, '') as SyncStatus;
}
