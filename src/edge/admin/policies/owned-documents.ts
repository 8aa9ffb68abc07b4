import { status } from '@grpc/grpc-js';
import type { Damage, Document, DocumentList, DocumentStore, PolicyText } from '../../store/index.ts';
import type { PoliciesSeam } from './policies-seam.ts';
import { type Answer, done, refuse } from './refusal.ts';

/** All documents of now, from whoever owns them. Those of files have no revision, no author and no time. */
export async function ownedDocuments({
  owner,
  documentsOf,
}: Pick<PoliciesSeam, 'owner' | 'documentsOf'>): Promise<Answer<DocumentList>> {
  if (owner.kind === 'Store') return done(await owner.store.list());
  const read = owner.read();
  if (!read.ok) return refuse(status.FAILED_PRECONDITION, `the policies cannot be read: ${read.reason}`);
  return done(await listOf(read.files, documentsOf));
}

/** The store, for what files cannot do. */
export function storeOf(owner: PoliciesSeam['owner'], what: string): Answer<DocumentStore> {
  if (owner.kind === 'Store') return done(owner.store);
  const message = `${what}: the server reads its policies from ${owner.path} (--policies), which is their only writer; change them there`;
  return refuse(status.FAILED_PRECONDITION, message);
}

async function listOf(files: readonly PolicyText[], documentsOf: PoliciesSeam['documentsOf']): Promise<DocumentList> {
  const documents: Document[] = [];
  const damaged: Damage[] = [];
  for (const file of files) {
    const read = await documentsOf(file);
    if (read.issues.length > 0) damaged.push(unreadable(file.name, read.issues[0]?.message ?? ''));
    for (const { part, key } of read.documents) {
      const { name, text, firstLine = 1 } = part;
      if (key === undefined) damaged.push(unreadable(`${name}:${firstLine}`, 'the document there cannot be read'));
      else documents.push({ ...key, content: text, file: name, line: firstLine, ...NOBODY });
    }
  }
  return { revision: 0, documents: documents.toSorted(byKey), damaged };
}

const NOBODY = { revision: 0, created: 0, author: '', reason: '', atMs: 0 };

function unreadable(record: string, reason: string): Damage {
  return { record, reason, atMs: 0 };
}

function byKey(a: Document, b: Document): number {
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}
