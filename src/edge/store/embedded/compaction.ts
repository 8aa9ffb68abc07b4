import type { DocumentKey, Revision } from '../documents/document.ts';
import { transactionKey, under, versionKey } from './record-keys.ts';
import { type Head, TRANSACTION_SHAPE } from './record-shapes.ts';
import { type Records, readRecord } from './records.ts';

/** Transactions whose leftovers one write clears away: more than one, so that a smaller limit is reached some day. */
const AT_ONCE = 4;

/**
 * Raises the floor so far that `kept` revisions stay above it. As in etcd, what is the newest version of a document at the
 * floor stays, so that the list at any revision from the floor on can still be made; the audit trail stays whole.
 */
export function compact(records: Records, head: Head, kept: number): Head {
  const target = head.revision - kept;
  if (target <= head.floor) return head;
  const range = { from: transactionKey(head.floor + 1), below: transactionKey(target + 1), limit: AT_ONCE };
  const old = records.raw(range);
  for (const { key, value } of old) {
    const revision = Number(key.slice(key.lastIndexOf('/') + 1));
    const read = readRecord(key, value, TRANSACTION_SHAPE);
    if (read.ok) for (const change of read.value.changes) clear(records, change, revision, change.operation);
    records.file.delete(key);
  }
  const last = old.at(-1);
  const floor =
    old.length < AT_ONCE || last === undefined ? target : Number(last.key.slice(last.key.lastIndexOf('/') + 1));
  return { ...head, floor };
}

/** What the version of that revision has taken the place of; and itself, when it is a deletion. */
function clear(records: Records, key: DocumentKey, revision: Revision, operation: 'Put' | 'Delete'): void {
  const { from } = under(`history/${key.kind}/${key.name}`);
  const below = versionKey(key, operation === 'Delete' ? revision + 1 : revision);
  for (const version of records.raw({ from, below })) records.file.delete(version.key);
}
