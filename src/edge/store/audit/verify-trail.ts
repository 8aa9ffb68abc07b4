import type { DocumentKey, Revision } from '../documents/document.ts';
import { type AuditChange, type AuditRecord, GENESIS, sealRecord } from './audit-record.ts';

/** A place in the trail that somebody noted earlier, outside of the store. */
export type KnownHead = { readonly sequence: number; readonly hash: string };

/** An entry as it was found: a record, or what is wrong with it. */
export type FoundRecord =
  | { readonly ok: true; readonly record: AuditRecord }
  | { readonly ok: false; readonly sequence: number; readonly reason: string };

export type TrailVerdict =
  | {
      readonly ok: true;
      readonly records: number;
      /** To be noted elsewhere: the next check can prove that everything up to here is as it was. */
      readonly head: KnownHead;
      /** Versions and documents whose content was compared with its audited hash. */
      readonly contents: number;
      /** Versions and documents that were damaged and moved aside: nothing can be said of them. */
      readonly lost: number;
    }
  | { readonly ok: false; readonly sequence: number; readonly reason: string };

export type TrailInput = {
  /** In the order of their sequence. */
  readonly records: Iterable<FoundRecord>;
  /** Where the store says that the trail ends; undefined when it cannot say. */
  readonly head: KnownHead | undefined;
  readonly known?: KnownHead | undefined;
  /** What the history has for a change. */
  readonly version: (revision: Revision, change: AuditChange) => FoundContent | 'Gone';
  /** The documents as they are. */
  readonly documents: Iterable<DocumentKey & { readonly found: FoundContent }>;
};

/** A content's hash, undefined for a deletion; `Lost`: it was damaged. */
export type FoundContent = string | undefined | 'Lost';

/**
 * Walks the chain and says where it first breaks. It finds what was altered, removed, added or put in another order; that
 * the whole trail was written anew from some record on shows only against a head that was noted elsewhere (`known`),
 * as with every chain that nobody else signs.
 */
export function verifyTrail({ records, head, known, version, documents }: TrailInput): TrailVerdict {
  let previous = GENESIS;
  let sequence = 0;
  let contents = 0;
  let lost = 0;
  /** The newest audited change of each document, with the record that tells it. */
  const newest = new Map<string, { readonly sequence: number; readonly change: AuditChange }>();
  for (const found of records) {
    sequence += 1;
    const at = found.ok ? found.record.sequence : found.sequence;
    if (at !== sequence)
      return broken(sequence, at > sequence ? `it is missing; the next one is ${at}` : `${at} stands in its place`);
    if (!found.ok) return broken(sequence, found.reason);
    const { previous: said, hash, ...body } = found.record;
    if (said !== previous)
      return broken(sequence, 'the hash of the record before it is another one: that one was altered or exchanged');
    if (sealRecord(body, previous).hash !== hash)
      return broken(sequence, 'its hash does not match its content: it was altered');
    if (known !== undefined && known.sequence === sequence && known.hash !== hash)
      return broken(sequence, 'its hash is not the known one: the trail was written anew up to here');
    for (const change of found.record.changes ?? []) {
      newest.set(idOf(change), { sequence, change });
      const kept = version(found.record.revision ?? 0, change);
      if (kept === 'Gone') continue;
      if (kept === 'Lost') lost += 1;
      else if (kept === change.sha256) contents += 1;
      else return broken(sequence, `the history has another content of ${idOf(change)} than was audited`);
    }
    previous = hash;
  }
  if (head === undefined)
    return broken(sequence + 1, 'the store does not say where the trail ends: its head is damaged');
  if (head.sequence !== sequence)
    return broken(
      sequence + 1,
      `the trail ends at ${sequence}, the store says ${head.sequence}: records were removed from its end`,
    );
  if (head.hash !== previous) return broken(sequence, 'the store says another hash for the end of the trail');
  if (known !== undefined && known.sequence > sequence)
    return broken(sequence + 1, `the known record ${known.sequence} is missing: records were removed from its end`);
  for (const { found, ...document } of documents) {
    const audited = newest.get(idOf(document));
    newest.delete(idOf(document));
    if (found === 'Lost') lost += 1;
    else if (audited === undefined) return broken(sequence, `no record tells of the document ${idOf(document)}`);
    else if (audited.change.sha256 === found) contents += 1;
    else return broken(audited.sequence, `the document ${idOf(document)} has another content than was audited`);
  }
  for (const { sequence: at, change } of newest.values())
    if (change.operation === 'Put')
      return broken(at, `the document ${idOf(change)} is missing, and no record tells of its end`);
  return { ok: true, records: sequence, head: { sequence, hash: previous }, contents, lost };
}

function idOf({ kind, name }: DocumentKey): string {
  return `${kind}/${name}`;
}

function broken(sequence: number, reason: string): TrailVerdict {
  return { ok: false, sequence, reason };
}
