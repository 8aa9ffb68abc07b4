import type { Damage, DocumentKey, Revision } from '../documents/document.ts';
import { missingDocuments, newestVersion, restoredDocument } from './lost-documents.ts';
import type { RawRecord } from './record-file.ts';
import { damagedKey, documentKey, type ParsedKey, parseKey, under } from './record-keys.ts';
import type { Head, StoredDamage, StoredVersion } from './record-shapes.ts';
import { type Records, readRecord, SHAPES } from './records.ts';
import { newestRevision, readHead, rebuiltHead } from './store-head.ts';

/** Records that were moved aside are evidence, not an archive. */
const KEPT_DAMAGES = 1000;

export type Mended = {
  /** What this start moved aside. */
  readonly damages: readonly Damage[];
  /** Documents of which the history had a whole copy. */
  readonly restored: readonly DocumentKey[];
};

/**
 * Looks at every record once, when the store is opened: what cannot be believed is moved aside, and the rest is served. A
 * document whose record is damaged comes back from the history when its newest version is whole; else it stays as lost,
 * which is not the same as deleted. The audit trail is left as it is: it is evidence, and long.
 *
 * `salvaged`: the database was made anew from what could be read of a damaged one, so records may be missing.
 */
export function mend(records: Records, nowMs: number, salvaged: boolean): Mended {
  const found = [...everything(records)].map((raw): Found => ({ ...raw, ...judge(raw) }));
  const bad = found.flatMap((one) => (one.reason === undefined ? [] : [{ ...one, reason: one.reason }]));
  const newest = newestRevision(found.map(({ parsed }) => parsed));
  const read = readHead(records);
  const head = read.ok && !salvaged && newest <= read.value.revision ? read.value : undefined;
  if (bad.length === 0 && head !== undefined) return { damages: [], restored: [] };

  const next = head ?? rebuiltHead(records, newest, nowMs);
  const restored: DocumentKey[] = [];
  const damages = bad.map(({ key, value, parsed, reason }): StoredDamage => {
    const damage = { record: key, reason, atMs: nowMs, found: Buffer.from(value).toString('base64') };
    if (parsed?.kind === 'Version') markVersion(records, parsed.document, parsed.revision, damage);
    else if (parsed?.kind !== 'Document') records.file.delete(key);
    else if (restore(records, parsed.document, head)) restored.push(parsed.document);
    else
      return markDocument(
        records,
        parsed.document,
        newestVersion(records, parsed.document)?.revision ?? next.revision,
        damage,
      );
    return damage;
  });
  if (salvaged) damages.push(...markMissing(records, nowMs));
  records.putHead({ ...next, damagedSequence: next.damagedSequence + damages.length });
  keep(records, next.damagedSequence, damages);
  return { damages: damages.map(damageOf), restored };
}

export function damageOf({ record, document, reason, atMs }: StoredDamage): Damage {
  return { record, ...(document === undefined ? {} : { document }), reason, atMs };
}

type Found = RawRecord & { readonly parsed: ParsedKey | undefined; readonly reason: string | undefined };

/** All but the audit trail and what was moved aside before. */
function* everything(records: Records): Generator<RawRecord> {
  yield* records.raw({ from: '', below: 'audit/' });
  yield* records.raw({ from: 'audit0', below: 'damaged/' });
  yield* records.raw({ from: 'damaged0', below: '\u{10ffff}' });
}

function judge({ key, value }: RawRecord): Pick<Found, 'parsed' | 'reason'> {
  const parsed = parseKey(key);
  if (parsed === undefined) return { parsed, reason: 'no record has such a key' };
  const read = readRecord(key, value, SHAPES[parsed.kind]);
  return { parsed, reason: read.ok ? undefined : read.reason };
}

/** Only with a head that can be trusted is it known which version is the newest. */
function restore(records: Records, document: DocumentKey, head: Head | undefined): boolean {
  const copy = head === undefined ? undefined : restoredDocument(records, document, head);
  if (copy !== undefined) records.putDocument(document, copy);
  return copy !== undefined;
}

function markDocument(records: Records, document: DocumentKey, revision: Revision, damage: StoredDamage): StoredDamage {
  const { reason, atMs } = damage;
  records.putDocument(document, { lost: reason, revision, atMs });
  return { ...damage, document };
}

function markVersion(
  records: Records,
  document: DocumentKey,
  revision: Revision,
  { reason, atMs }: StoredDamage,
): void {
  const lost: StoredVersion = { operation: 'Lost', created: revision, author: '', reason, atMs };
  records.putVersion(document, revision, lost);
}

function markMissing(records: Records, atMs: number): readonly StoredDamage[] {
  const reason = 'its record was lost with a damaged part of the file';
  return missingDocuments(records).map(({ kind, name, revision }) =>
    markDocument(records, { kind, name }, revision, { record: documentKey({ kind, name }), reason, atMs, found: '' }),
  );
}

function keep(records: Records, after: number, damages: readonly StoredDamage[]): void {
  for (const [at, damage] of damages.entries()) records.putDamage(damagedKey(after + at + 1), damage);
  const tooOld = { ...under('damaged'), below: damagedKey(Math.max(0, after + damages.length - KEPT_DAMAGES + 1)) };
  for (const { key } of records.raw(tooOld)) records.file.delete(key);
}
