import { messageToJson } from '../../base/codec/index.ts';
import { REMOVE_ORDER, type Resource, SEND_ORDER, TYPE_SHORT } from '../resources/index.ts';
import { changesBetween, type Snapshot, viewOf } from '../snapshot/index.ts';
import { bounded } from './bounded.ts';
import { fieldChanges } from './field-changes.ts';
import type { Bounded, ResourceChange } from './report.ts';

const MAX_RESOURCES = 100;
const NO_FIELDS = { items: [], more: 0 };

/** What one kind of Envoy would be sent, in the order of sending; removals last. Undefined: it has nothing yet. */
export function snapshotChanges(before: Snapshot | undefined, after: Snapshot): Bounded<ResourceChange> {
  const changes: (() => ResourceChange)[] = [];
  for (const typeUrl of SEND_ORDER) {
    const now = viewOf(after, typeUrl);
    const was = before === undefined ? new Map<string, Resource>() : viewOf(before, typeUrl);
    for (const resource of changesBetween(was, now).upserts)
      changes.push(() => upsert(was.get(resource.name), resource));
  }
  for (const typeUrl of before === undefined ? [] : REMOVE_ORDER) {
    const was = viewOf(before as Snapshot, typeUrl);
    for (const name of changesBetween(was, viewOf(after, typeUrl)).removed) {
      const resource = was.get(name);
      if (resource !== undefined) changes.push(() => ({ change: 'Removed', ...about(resource), fields: NO_FIELDS }));
    }
  }
  // Only what is told is decoded.
  const { items, more } = bounded(changes, MAX_RESOURCES);
  return { items: items.map((change) => change()), more };
}

function upsert(was: Resource | undefined, now: Resource): ResourceChange {
  if (was === undefined) return { change: 'Added', ...about(now), fields: NO_FIELDS };
  const fields = fieldChanges(messageToJson(was.typeUrl, was.bytes), messageToJson(now.typeUrl, now.bytes));
  return { change: 'Changed', ...about(now), fields };
}

function about({ typeUrl, name, origin }: Resource): Pick<ResourceChange, 'type' | 'name' | 'position'> {
  const position =
    origin === undefined ? {} : { position: { file: origin.file, line: origin.line, column: origin.column } };
  return { type: TYPE_SHORT[typeUrl] ?? typeUrl, name, ...position };
}
