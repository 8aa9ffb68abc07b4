import { storedTexts } from '../edge/admin/index.ts';
import type { Log } from '../edge/observe/index.ts';
import type { Change, Document, DocumentStore, PolicyText, Revision } from '../edge/store/index.ts';

/** How far back what stood is looked for; a rollout lasts minutes. */
const REVISIONS = 100;
/** Who it is in the history and the audit trail. */
export const AUTHOR = 'loadline';

/**
 * Makes the store say again what is in force, after a change was taken back: the documents of that policy are written as a new
 * revision, with the reason. When somebody has written in the meantime it is his that counts, and it is tried next.
 * @returns whether it was written
 */
export async function takeBack(
  store: DocumentStore,
  { tried, inForce }: { readonly tried: readonly PolicyText[]; readonly inForce: readonly PolicyText[] },
  reason: string,
  log: Log,
): Promise<boolean> {
  const now = await store.list();
  const wanted = textOf(inForce);
  // Whatever came after what was tried is somebody's, and is tried next.
  if (textOf(storedTexts(now.documents)) !== textOf(tried)) return false;
  const then = await documentsOf(store, wanted, now.revision);
  if (then === undefined) {
    log.warn(
      { revision: now.revision },
      'what is in force is not in the history of the store; it keeps what was taken back',
    );
    return false;
  }
  const changes = changesTo(then, now.documents);
  const outcome = await store.write({ action: 'TakeBack', author: AUTHOR, reason, changes, atRevision: now.revision });
  const fields = { before: now.revision, revision: 'revision' in outcome ? outcome.revision : undefined };
  if (outcome.kind === 'Written') log.info(fields, 'the store is back at what is in force');
  else log.warn({ ...fields, outcome: outcome.kind }, 'the store was changed meanwhile, and keeps that');
  return outcome.kind === 'Written';
}

async function documentsOf(
  store: DocumentStore,
  wanted: string,
  newest: Revision,
): Promise<readonly Document[] | undefined> {
  for (let revision = newest - 1; revision > Math.max(0, newest - REVISIONS); revision -= 1) {
    const listed = await store.listAt(revision);
    if (listed.kind === 'OutOfRange') return undefined;
    if (listed.list.damaged.length === 0 && textOf(storedTexts(listed.list.documents)) === wanted)
      return listed.list.documents;
  }
  return undefined;
}

function changesTo(then: readonly Document[], now: readonly Document[]): readonly Change[] {
  const kept = new Set(then.map(idOf));
  const puts = then.map(({ kind, name, content, file, line }): Change => {
    return { operation: 'Put', kind, name, content, line, ...(file === undefined ? {} : { file }) };
  });
  const removals = now
    .filter((document) => !kept.has(idOf(document)))
    .map(({ kind, name }): Change => ({ operation: 'Delete', kind, name }));
  return [...puts, ...removals];
}

function idOf({ kind, name }: Pick<Document, 'kind' | 'name'>): string {
  return `${kind}/${name}`;
}

function textOf(texts: readonly PolicyText[]): string {
  return JSON.stringify(texts.map(({ name, text, firstLine = 1 }) => [name, firstLine, text]));
}
