import { status } from '@grpc/grpc-js';
import type {
  Change,
  Conflict,
  DocumentKey,
  DocumentList,
  DocumentStore,
  Revision,
  WriteOutcome,
} from '../../store/index.ts';
import { idOf, type Outcome } from './candidate.ts';
import { type Refusal, refuse } from './refusal.ts';

/** What a write shares with every other. */
export type WriteTerms = {
  readonly reason: string;
  readonly dryRun: boolean;
  readonly conditions: readonly { readonly document: DocumentKey; readonly revision: Revision }[];
  readonly storeRevision: Revision | undefined;
  readonly idempotencyKey: string;
  /** Also when it takes more away than one change may. */
  readonly force: boolean;
};

export function expectedBy({ conditions }: WriteTerms): ReadonlyMap<string, Revision> {
  return new Map(conditions.map(({ document, revision }) => [idOf(document), revision]));
}

export function removalOf({ kind, name }: DocumentKey, expected: ReadonlyMap<string, Revision>): Change {
  const revision = expected.get(`${kind}/${name}`);
  return { operation: 'Delete', kind, name, ...(revision === undefined ? {} : { expected: revision }) };
}

/** A condition on what is not changed would be taken for a promise that it is kept. */
export function foreignCondition(
  { conditions }: WriteTerms,
  keys: readonly DocumentKey[],
): ReturnType<typeof refuse> | undefined {
  const known = new Set(keys.map(idOf));
  const foreign = conditions.find(({ document }) => !known.has(idOf(document)));
  if (foreign === undefined) return undefined;
  return refuse(status.INVALID_ARGUMENT, `if_match names ${idOf(foreign.document)}, which the request does not change`);
}

export function withoutReason({ reason }: WriteTerms): Refusal | undefined {
  if (reason.trim() !== '') return undefined;
  return { code: status.INVALID_ARGUMENT, message: 'say why: reason must not be empty' };
}

export function conflictIn(
  now: DocumentList,
  changes: readonly Change[],
  storeRevision: Revision | undefined,
): ReturnType<typeof aborted> | undefined {
  const byId = new Map(now.documents.map((document) => [idOf(document), document]));
  const damaged = new Set(now.damaged.flatMap(({ document }) => (document === undefined ? [] : [idOf(document)])));
  const conflicts = changes.flatMap((change): readonly Conflict[] => {
    const { kind, name, expected } = change;
    const current = byId.get(idOf(change));
    const actual = current?.revision ?? 0;
    if (expected === undefined || expected === actual || damaged.has(idOf(change))) return [];
    return [{ kind, name, expected, actual, current }];
  });
  const isLate = storeRevision !== undefined && storeRevision !== now.revision;
  return conflicts.length > 0 || isLate ? aborted(now.revision, conflicts) : undefined;
}

export function aborted(revision: Revision, documents: readonly Conflict[]): ReturnType<typeof refuse> {
  const [first] = documents;
  const message =
    first === undefined
      ? `the store is at revision ${revision}: others have changed it meanwhile`
      : `${idOf(first)} ${first.actual === 0 ? 'does not exist' : `is at revision ${first.actual}`}, and not at ${first.expected}`;
  return { ok: false, refusal: { code: status.ABORTED, message, conflict: { revision, documents } } };
}

export async function replayedOutcomes(
  store: DocumentStore,
  { changed, unchanged, revision }: Extract<WriteOutcome, { kind: 'Written' }>,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = unchanged.map((key) => ({ ...key, outcome: 'Unchanged' }));
  for (const { operation, ...key } of changed) {
    const [version] = operation === 'Put' ? await store.history({ key, before: revision + 1, limit: 1 }) : [];
    const isNew = version?.revision === revision && version.created === revision;
    outcomes.push({ ...key, outcome: operation === 'Delete' ? 'Deleted' : isNew ? 'Created' : 'Configured' });
  }
  return outcomes;
}
