import { status } from '@grpc/grpc-js';
import { KINDS } from '../../../core/policy/index.ts';
import type { Damage, Document, DocumentKey, DocumentList, Revision, Version } from '../../store/index.ts';
import type { Permit } from '../gate.ts';
import { idOf } from './candidate.ts';
import { ownedDocuments, storeOf } from './owned-documents.ts';
import type { PoliciesSeam } from './policies-seam.ts';
import { denied, mayFor } from './policy-scope.ts';
import { type Answer, done, refuse } from './refusal.ts';

export type Query = {
  /** Empty: all. */
  readonly keys: readonly DocumentKey[];
  /** '': all. */
  readonly kind: string;
  readonly atRevision: Revision | undefined;
};

export type Found = {
  readonly documents: readonly Document[];
  readonly revision: Revision;
  /** The path of the files that own them; '' where the store does. */
  readonly files: string;
  readonly damaged: readonly Damage[];
};

export type Page = { readonly versions: readonly Version[]; readonly nextBefore: Revision | undefined };

/** What readings read from. */
type Reads = Pick<PoliciesSeam, 'owner' | 'documentsOf'>;

const DEFAULT_PAGE = 100;
const MAX_PAGE = 1000;
/** Versions looked at for one page: who may see few of them gets a short one, and where to go on. */
const MAX_LOOKED_AT = 5000;

/** Documents as far as the caller may see them. */
export async function findDocuments(seam: Reads, query: Query, permit: Permit): Promise<Answer<Found>> {
  const { keys, kind } = query;
  if (kind !== '' && !KINDS.some((known) => known === kind))
    return refuse(
      status.INVALID_ARGUMENT,
      `there is no kind ${JSON.stringify(kind.slice(0, 80))}; kinds are ${KINDS.join(', ')}`,
    );
  const refusal = denied(permit, 'ReadPolicies', keys);
  if (refusal !== undefined) return { ok: false, refusal };
  const all = await documentsAt(seam, query.atRevision);
  if (!all.ok) return all;
  const asked = new Set(keys.map(idOf));
  const isAsked = (one: DocumentKey): boolean =>
    mayFor(permit, one) && (asked.size === 0 || asked.has(idOf(one))) && (kind === '' || one.kind === kind);
  const { revision } = all.value;
  const documents = all.value.documents.filter(isAsked);
  const damaged = all.value.damaged.filter(({ document }) =>
    document === undefined ? permit.everywhere : isAsked(document),
  );
  const known = new Set([...documents, ...damaged.flatMap(({ document }) => document ?? [])].map(idOf));
  const missing = keys.find((key) => !known.has(idOf(key)));
  if (missing !== undefined) {
    const when = query.atRevision === undefined ? '' : ` at revision ${revision}`;
    return refuse(status.NOT_FOUND, `there is no ${idOf(missing)}${when}`);
  }
  return done({ documents, revision, damaged, files: seam.owner.kind === 'Files' ? seam.owner.path : '' });
}

/** A page of versions, newest first. */
export async function findVersions(
  { owner }: Reads,
  query: { readonly key: DocumentKey | undefined; readonly before: Revision | undefined; readonly limit: number },
  permit: Permit,
): Promise<Answer<Page>> {
  const { key } = query;
  const refusal = denied(permit, 'ReadPolicies', key === undefined ? [] : [key]);
  if (refusal !== undefined) return { ok: false, refusal };
  const store = storeOf(owner, 'there is no history');
  if (!store.ok) return store;
  const limit = Math.min(query.limit === 0 ? DEFAULT_PAGE : query.limit, MAX_PAGE);
  const versions: Version[] = [];
  let before = query.before;
  for (let lookedAt = 0; lookedAt < MAX_LOOKED_AT; ) {
    const page = await store.value.history({
      limit: limit - versions.length,
      ...(key === undefined ? {} : { key }),
      ...(before === undefined ? {} : { before }),
    });
    const last = page.at(-1);
    if (last === undefined) return done({ versions, nextBefore: undefined });
    lookedAt += page.length;
    before = last.revision;
    versions.push(...page.filter((one) => mayFor(permit, one)));
    if (versions.length >= limit) break;
  }
  return done({ versions, nextBefore: before });
}

async function documentsAt(seam: Reads, revision: Revision | undefined): Promise<Answer<DocumentList>> {
  if (revision === undefined) return ownedDocuments(seam);
  const store = storeOf(seam.owner, 'there are no earlier revisions');
  if (!store.ok) return store;
  const listed = await store.value.listAt(revision);
  if (listed.kind === 'Listed') return done(listed.list);
  return refuse(
    status.OUT_OF_RANGE,
    `revision ${revision} cannot be read: ${listed.floor} to ${listed.newest} are kept`,
  );
}
