import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../../../src/base/units/index.ts';
import { encodeRecord } from '../../../../src/edge/store/embedded/record-text.ts';
import { SqliteFile } from '../../../../src/edge/store/embedded/sqlite-file.ts';
import { type OpenedStore, verifyStoredTrail } from '../../../../src/edge/store/index.ts';
import { apply, cleanUp, newFolder, opened, openStore, put, remove, stateOf } from './stores.ts';

cleanUp();

/** `npm run test:long` tries 10,000 records, and 1,000 files. */
const LONG = process.env.LOADLINE_TEST_LONG !== undefined;
const RECORDS = LONG ? 10_000 : 2000;
const SMASHED = LONG ? 1000 : 100;

const EVERYTHING = { from: '', below: '\u{10ffff}' };

/** A store of a few documents with some past, closed. */
async function aStore(padding: string = ''): Promise<string> {
  const folder = newFolder();
  const store = await openStore(folder);
  await apply(store, [put('a', `a1${padding}`), put('b', `b1${padding}`)], { idempotencyKey: 'k' });
  await apply(store, [put('a', `a2${padding}`)]);
  await apply(store, [put('c', `c3${padding}`), remove('b')]);
  await apply(store, [put('a', `a4${padding}`), put('d', `d4${padding}`)]);
  await store.close();
  return folder;
}

function copied(folder: string): string {
  const copy = newFolder();
  for (const name of readdirSync(folder)) copyFileSync(join(folder, name), join(copy, name));
  return copy;
}

/** Changes the records of a closed store behind its back. */
function edit(folder: string, change: (file: SqliteFile) => void): void {
  const file = new SqliteFile(join(folder, 'store.db'));
  file.transaction(() => change(file));
  file.close();
}

/** Keys and texts of a closed store. */
function recordsIn(folder: string): readonly { readonly key: string; readonly value: string }[] {
  const file = new SqliteFile(join(folder, 'store.db'));
  const records = file.range(EVERYTHING);
  file.close();
  return records;
}

const told = ({ mended }: OpenedStore): string =>
  [
    ...mended.damages.map(({ record, document }) => (document === undefined ? record : `${record} lost`)),
    ...mended.restored.map(({ name }) => `${name} restored`),
  ].join(' ');

describe('a damaged record', () => {
  it('of a document comes back from the history, and is told once', async () => {
    const folder = await aStore();
    edit(folder, (file) => file.put('document/ModelService/a', 'rubbish'));
    const first = await opened(folder);
    expect(told(first)).toBe('document/ModelService/a a restored');
    expect(await stateOf(first.store)).toBe('a=a4@4 c=c3@3 d=d4@4');
    expect((await first.store.status()).damaged).toMatchObject([
      { record: 'document/ModelService/a', reason: 'its checksum does not match' },
    ]);
    await first.store.close();
    expect(told(await opened(folder))).toBe('');
    expect(await verifyStoredTrail(folder)).toMatchObject({ ok: true, lost: 0 });
  });

  it('of a document whose newest version is damaged too is lost, not deleted, until it is applied again', async () => {
    const folder = await aStore();
    edit(folder, (file) => {
      file.put('document/ModelService/a', 'rubbish');
      file.put('history/ModelService/a/0000000000000004', '');
    });
    const { store, mended } = await opened(folder);
    expect(mended.damages.map(({ record }) => record)).toEqual([
      'document/ModelService/a',
      'history/ModelService/a/0000000000000004',
    ]);
    const { documents, damaged } = await store.list();
    expect(documents.map(({ name }) => name)).toEqual(['c', 'd']);
    expect(damaged).toMatchObject([{ document: { kind: 'ModelService', name: 'a' } }]);
    await expect(store.get({ kind: 'ModelService', name: 'a' })).rejects.toMatchObject({ code: 'LOADLINE_STORE' });
    expect(await verifyStoredTrail(folder)).toMatchObject({ ok: true, lost: 2 });
    expect(await apply(store, [put('a', 'a5', 3)])).toMatchObject({ kind: 'Conflict', conflicts: [{ actual: 4 }] });
    expect(await apply(store, [put('a', 'a5', 4)])).toMatchObject({ kind: 'Written', revision: 5 });
    expect(await stateOf(store)).toBe('a=a5@5 c=c3@3 d=d4@4');
    expect((await store.list()).damaged).toEqual([]);
  });

  it('of the history leaves a gap that a reader of the past is told of, and the present is served', async () => {
    const folder = await aStore();
    edit(folder, (file) => file.put('history/ModelService/a/0000000000000002', 'rubbish'));
    const { store } = await opened(folder);
    expect(await stateOf(store)).toBe('a=a4@4 c=c3@3 d=d4@4');
    const past = await store.listAt(2);
    expect(past).toMatchObject({ list: { documents: [{ name: 'b' }], damaged: [{ document: { name: 'a' } }] } });
    const versions = await store.history({ key: { kind: 'ModelService', name: 'a' } });
    expect(versions.map(({ operation }) => operation)).toEqual(['Put', 'Lost', 'Put']);
    const watch = store.watch(0);
    expect((await watch.next()).value).toMatchObject({ kind: 'Changed', revision: 1 });
    expect((await watch.next()).value).toMatchObject({ kind: 'Compacted', floor: 2 });
    expect((await watch.next()).done).toBe(true);
  });

  it('that is the head is made anew: revisions and tokens never come twice', async () => {
    const folder = await aStore();
    edit(folder, (file) => file.delete('head'));
    const { store } = await opened(folder, { now: () => 1_800_000_000_123 });
    expect(await stateOf(store)).toBe('a=a4@4 c=c3@3 d=d4@4');
    expect(await store.status()).toMatchObject({
      revision: 1_800_000_000,
      floor: 1_800_000_000,
      audit: { sequence: 4 },
    });
    expect(await apply(store, [put('a', 'a5', 4)])).toMatchObject({ kind: 'Written', revision: 1_800_000_001 });
    expect((await store.watch(4).next()).value).toMatchObject({ kind: 'Compacted' });
    expect(await store.acquire('w', 'h', 1)).toMatchObject({ lease: { token: 1_800_000_001 } });
    await store.close();
    expect(await verifyStoredTrail(folder)).toMatchObject({ ok: true, records: 5 });
  });

  it('of the trail stays where it is, as evidence, and the trail goes on', async () => {
    const folder = await aStore();
    edit(folder, (file) => file.put('audit/0000000000000004', 'rubbish'));
    const { store } = await opened(folder);
    expect(await apply(store, [put('a', 'a5')])).toMatchObject({ kind: 'Written' });
    expect((await store.audit({})).map(({ sequence }) => sequence)).toEqual([5, 3, 2, 1]);
    expect(await verifyStoredTrail(folder)).toEqual({
      ok: false,
      sequence: 4,
      reason: 'it is damaged: its checksum does not match',
    });
  });

  it('with a right checksum and blank fields is found by its shape', async () => {
    const folder = await aStore();
    const blank = { revision: 4, created: 1, content: null, author: 'ann', reason: '', atMs: 1 };
    edit(folder, (file) => {
      file.put('document/ModelService/d', encodeRecord('document/ModelService/d', blank));
      file.put('nonsense/x', encodeRecord('nonsense/x', {}));
    });
    const { store, mended } = await opened(folder);
    expect(mended.damages.map(({ record, reason }) => `${record}: ${reason}`)).toEqual([
      expect.stringMatching(/^document\/ModelService\/d: /),
      'nonsense/x: no record has such a key',
    ]);
    expect(await stateOf(store)).toContain('d=d4@4');
  });
});

describe(`${RECORDS} mutated records`, () => {
  it('never keep the store from opening: what is served is what was written, and writing goes on', async () => {
    const folder = await aStore();
    const whole = recordsIn(folder);
    const random = seededRandom(20_261);
    const known = new Set(['a=a4@4', 'c=c3@3', 'd=d4@4']);
    let mutated = 0;
    let quarantined = 0;
    while (mutated < RECORDS) {
      const victims = whole.filter(() => random() < 0.3);
      mutated += victims.length;
      edit(folder, (file) => {
        for (const { key } of file.range(EVERYTHING)) file.delete(key);
        for (const { key, value } of whole) file.put(key, value);
        for (const victim of victims) mutate(file, victim, whole, random);
      });
      const { store, mended } = await opened(folder);
      quarantined += mended.damages.length;
      const { documents, damaged } = await store.list();
      for (const { name, content, revision } of documents)
        if (name.length === 1) expect(known).toContain(`${name}=${content}@${revision}`);
      for (const { document } of damaged) expect(document).toBeDefined();
      const outcome = await apply(store, [put('new', String(mutated))], { idempotencyKey: String(mutated) });
      expect(outcome).toMatchObject({ kind: 'Written' });
      await store.close();
    }
    expect(quarantined).toBeGreaterThan(RECORDS / 2);
    process.stdout.write(`store: ${mutated} mutated records, ${quarantined} moved aside\n`);
  }, 3_600_000);
});

describe('a damaged file', () => {
  it('never keeps the store from opening, wherever its bytes are changed', async () => {
    // Long enough that each text has pages of its own.
    const padding = '.'.repeat(3000);
    const original = await aStore(padding);
    const bytes = readFileSync(join(original, 'store.db'));
    const random = seededRandom(7);
    const known = new Set([`a=a4${padding}@4`, `c=c3${padding}@3`, `d=d4${padding}@4`]);
    let salvaged = 0;
    let served = 0;
    for (let round = 0; round < SMASHED; round++) {
      const folder = newFolder();
      writeFileSync(join(folder, 'store.db'), smashed(bytes, random));
      const { store, mended } = await opened(folder);
      if (mended.salvagedFrom !== undefined) {
        salvaged += 1;
        expect(readdirSync(mended.salvagedFrom)).toContain('store.db');
      }
      const { documents } = await store.list();
      served += documents.length;
      for (const { name, content, revision } of documents) expect(known).toContain(`${name}=${content}@${revision}`);
      expect(await apply(store, [put('new', 'x')])).toMatchObject({ kind: 'Written' });
      await store.close();
      const again = await openStore(folder);
      expect(await stateOf(again)).toContain('new=x@');
      await again.close();
    }
    expect(salvaged).toBeGreaterThan(SMASHED / 5);
    expect(served).toBeGreaterThan(SMASHED);
  }, 3_600_000);

  it('that is no database at all is set aside; revisions go on where they never were', async () => {
    const folder = await aStore();
    writeFileSync(join(folder, 'store.db'), 'once upon a time '.repeat(1000));
    const { store, mended } = await opened(folder, { now: () => 1_800_000_000_000 });
    expect(mended.salvagedFrom).toBe(join(folder, 'damaged-2027-01-15T080000.000Z'));
    expect(readFileSync(join(mended.salvagedFrom ?? '', 'store.db'), 'utf8')).toContain('once upon a time');
    expect(await stateOf(store)).toBe('');
    expect(await apply(store, [put('a', 'x', 4)])).toMatchObject({ kind: 'Conflict' });
    expect(await apply(store, [put('a', 'x', 0)])).toMatchObject({ revision: 1_800_000_001 });
  });

  it.each([
    ['no version', 0],
    ['a version that nobody has written', 0x7cdd0001],
    ['a negative version', 0xffffffff],
  ])('whose header says %s is damaged, not of a later Loadline', async (_name, version) => {
    const folder = await aStore();
    const path = join(folder, 'store.db');
    const bytes = readFileSync(path);
    bytes.writeUInt32BE(version, 60); // user_version in SQLite's header
    writeFileSync(path, bytes);
    const { store, mended } = await opened(folder);
    expect(mended.salvagedFrom).toBeDefined();
    expect(await stateOf(store)).toBe('a=a4@4 c=c3@3 d=d4@4');
  });

  it('of a later version of Loadline is left alone', async () => {
    const folder = await aStore();
    const path = join(folder, 'store.db');
    const bytes = readFileSync(path);
    bytes.writeUInt32BE(2, 60); // user_version in SQLite's header
    writeFileSync(path, bytes);
    await expect(openStore(folder)).rejects.toMatchObject({
      code: 'LOADLINE_STORE',
      message: expect.stringContaining('it has format 2; this version of Loadline knows 1'),
    });
    expect(readFileSync(path)).toEqual(bytes);
  });

  it('is told by the check of the trail, which leaves it as it is', async () => {
    const folder = copied(await aStore());
    const path = join(folder, 'store.db');
    writeFileSync(path, 'once upon a time '.repeat(1000));
    await expect(verifyStoredTrail(folder)).rejects.toMatchObject({
      code: 'LOADLINE_STORE',
      message: expect.stringContaining('its file is damaged (file is not a database)'),
    });
    expect(readdirSync(folder)).toEqual(['store.db']);
    const empty = newFolder();
    mkdirSync(join(empty, 'store'));
    await expect(verifyStoredTrail(join(empty, 'store'))).rejects.toMatchObject({
      message: expect.stringContaining('there is none yet'),
    });
  });
});

/** One change to one record: of its bytes, its fields, its key, or all of it. */
function mutate(
  file: SqliteFile,
  { key, value }: { readonly key: string; readonly value: string },
  whole: readonly { readonly key: string; readonly value: string }[],
  random: Random,
): void {
  const at = Math.floor(random() * value.length);
  const pick = Math.floor(random() * 7);
  if (pick === 0) file.put(key, value.slice(0, at));
  else if (pick === 1)
    file.put(key, value.slice(0, at) + String.fromCharCode(33 + random() * 500) + value.slice(at + 1));
  else if (pick === 2) file.put(key, whole[Math.floor(random() * whole.length)]?.value ?? '');
  else if (pick === 3) file.delete(key);
  else if (pick === 4) file.put(`${key.slice(0, Math.floor(random() * key.length))}?`, value);
  else {
    // Fields blanked, exchanged or taken away, and sealed with a right checksum.
    const body = JSON.parse(value.slice(value.indexOf(' ') + 1)) as Record<string, unknown>;
    const fields = Object.keys(body);
    const field = fields[Math.floor(random() * fields.length)] as string;
    if (pick === 5) delete body[field];
    else body[field] = [null, -1, 1e300, [], {}, true][Math.floor(random() * 6)];
    file.put(key, encodeRecord(key, body as never));
  }
}

/** Bytes changed, blocks blanked or overwritten, the end cut off. */
function smashed(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const at = Math.floor(random() * copy.length);
  const pick = Math.floor(random() * 4);
  if (pick === 0) return copy.subarray(0, at);
  if (pick === 1) copy.fill(0, at, Math.min(copy.length, at + Math.floor(random() * 8192)));
  else if (pick === 2) for (let i = at; i < Math.min(copy.length, at + 600); i++) copy[i] = Math.floor(random() * 256);
  else for (let i = 0; i < 40; i++) copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
  return copy;
}
