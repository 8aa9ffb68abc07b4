import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type Change,
  type EmbeddedStore,
  verifyStoredTrail,
  type WatchEvent,
  type WriteOutcome,
} from '../../../../src/edge/store/index.ts';
import { apply, cleanUp, newFolder, opened, openStore, put, remove, stateOf } from './stores.ts';

cleanUp();

const CHAT = { kind: 'ModelService', name: 'chat' };

describe('a write', () => {
  it('gives each document the revision of its transaction, and keeps its text to the letter', async () => {
    const store = await openStore(newFolder());
    const text = '# why\nkind: ModelService\t"ü🙂"\n';
    expect(await apply(store, [put('chat', text), put('code', 'b')])).toEqual({
      kind: 'Written',
      revision: 1,
      changed: [
        { kind: 'ModelService', name: 'chat', operation: 'Put' },
        { kind: 'ModelService', name: 'code', operation: 'Put' },
      ],
      unchanged: [],
      replayed: false,
    });
    await apply(store, [put('code', 'c')]);
    expect(await store.get(CHAT)).toMatchObject({ content: text, revision: 1, created: 1, author: 'ann' });
    expect(await stateOf(store)).toBe(`chat=${text}@1 code=c@2`);
  });

  it('is all or nothing: one conflict, and nothing is done', async () => {
    const store = await openStore(newFolder());
    await apply(store, [put('chat', 'a')]);
    await apply(store, [put('chat', 'b')]);
    const outcome = await apply(store, [put('new', 'x', 0), put('chat', 'c', 1), remove('none', 7)]);
    expect(outcome).toEqual({
      kind: 'Conflict',
      revision: 2,
      conflicts: [
        { ...CHAT, expected: 1, actual: 2, current: await store.get(CHAT) },
        { kind: 'ModelService', name: 'none', expected: 7, actual: 0, current: undefined },
      ],
    });
    expect(await stateOf(store)).toBe('chat=b@2');
    expect((await store.status()).audit.sequence).toBe(2);
  });

  it('for a revision of the store is done at that one alone, whatever it changes', async () => {
    const store = await openStore(newFolder());
    await apply(store, [put('chat', 'a')], { atRevision: 0 });
    await apply(store, [put('embed', 'b')]);
    const late = { kind: 'Conflict', revision: 2, conflicts: [] };
    expect(await apply(store, [put('chat', 'c')], { atRevision: 1 })).toEqual(late);
    expect(await apply(store, [put('chat', 'a')], { atRevision: 1 })).toEqual(late);
    expect(await apply(store, [put('chat', 'c')], { atRevision: 2 })).toMatchObject({ kind: 'Written', revision: 3 });
  });

  it('remembers where in a file a document stood, also in its history', async () => {
    const folder = newFolder();
    let store = await openStore(folder);
    await apply(store, [{ ...put('chat', 'a'), file: 'lab.yaml', line: 12 } as Change, put('embed', 'b')]);
    await store.close();
    store = await openStore(folder);
    expect((await store.list()).documents.map(({ file, line }) => [file, line])).toEqual([
      ['lab.yaml', 12],
      [undefined, 1],
    ]);
    expect((await store.history({})).map(({ file, line }) => [file, line])).toContainEqual(['lab.yaml', 12]);
    const moved = { ...put('chat', 'a'), file: 'lab.yaml', line: 20 } as Change;
    expect(await apply(store, [moved])).toMatchObject({ revision: 1, changed: [], unchanged: [CHAT] });
    expect(await store.get(CHAT)).toMatchObject({ revision: 1, file: 'lab.yaml', line: 20 });
  });

  it('that says what is so already is no change: no revision, no history, no audit record', async () => {
    const store = await openStore(newFolder());
    await apply(store, [put('chat', 'a')]);
    expect(await apply(store, [put('chat', 'a', 1), remove('none', 0)])).toMatchObject({
      kind: 'Written',
      revision: 1,
      changed: [],
      unchanged: [CHAT, { kind: 'ModelService', name: 'none' }],
    });
    expect(await store.history({ key: CHAT })).toHaveLength(1);
    expect((await store.status()).audit.sequence).toBe(1);
  });

  it('of a document that was deleted begins it anew: 0 is its revision until then', async () => {
    const store = await openStore(newFolder());
    await apply(store, [put('chat', 'a', 0)]);
    expect(await apply(store, [put('chat', 'b', 0)])).toMatchObject({ kind: 'Conflict' });
    await apply(store, [remove('chat', 1)]);
    expect(await store.get(CHAT)).toBeUndefined();
    expect(await apply(store, [put('chat', 'c', 0)])).toMatchObject({ kind: 'Written', revision: 3 });
    expect(await store.get(CHAT)).toMatchObject({ created: 3, revision: 3 });
  });

  it('is refused for what no engine takes, with the place of each mistake', async () => {
    const store = await openStore(newFolder());
    const issues = (outcome: WriteOutcome): string =>
      outcome.kind === 'Refused' ? outcome.issues.map(({ path }) => path).join(' ') : outcome.kind;
    expect(issues(await apply(store, []))).toBe('changes');
    expect(issues(await apply(store, [put('a/b', ''), put('chat', '\ud800'), put('chat', '\0')]))).toBe(
      'changes[0].name changes[1].content changes[2] changes[2].content',
    );
    expect(issues(await apply(store, [put('chat', 'x', -1)]))).toBe('changes[0].expected');
    expect(issues(await apply(store, [{ ...put('chat', 'x'), line: 0 } as Change]))).toBe('changes[0].line');
    expect(issues(await apply(store, [put('chat', 'x'.repeat(4 * 1024 * 1024 + 1))]))).toBe('changes[0].content');
    expect(issues(await apply(store, [put('chat', 'x')], { author: '', idempotencyKey: 'ü' }))).toBe(
      'author idempotencyKey',
    );
    const many = Array.from({ length: 1001 }, (_, at) => put(`n${at}`, ''));
    expect(issues(await apply(store, many))).toBe('changes');
    expect(await stateOf(store)).toBe('');
  });
});

describe('an idempotency key', () => {
  it('gives the first answer again, also after a restart, and does nothing twice', async () => {
    const folder = newFolder();
    let store = await openStore(folder);
    const first = await apply(store, [put('chat', 'a')], { idempotencyKey: 'k' });
    await apply(store, [put('chat', 'b')]);
    await store.close();
    store = await openStore(folder);
    expect(await apply(store, [put('chat', 'a')], { idempotencyKey: 'k' })).toEqual({ ...first, replayed: true });
    expect(await stateOf(store)).toBe('chat=b@2');
  });

  it('is refused for other content, and belongs to its author', async () => {
    const store = await openStore(newFolder());
    await apply(store, [put('chat', 'a')], { idempotencyKey: 'k' });
    expect(await apply(store, [put('chat', 'b')], { idempotencyKey: 'k' })).toEqual({ kind: 'KeyReused', revision: 1 });
    expect(await apply(store, [put('chat', 'b')], { idempotencyKey: 'k', author: 'bob' })).toMatchObject({
      revision: 2,
    });
  });

  it('can be asked about before, and stands for what was asked where the changes follow from it', async () => {
    const store = await openStore(newFolder());
    const request = (content: string, asked: string) => ({
      action: 'Rollback',
      author: 'ann',
      reason: '',
      changes: [put('chat', content)],
      idempotencyKey: 'k',
      asked,
    });
    expect(await store.answered(request('a', 'back to 1'))).toBeUndefined();
    const first = await store.write(request('a', 'back to 1'));
    expect(await store.answered(request('b', 'back to 1'))).toEqual({ ...first, replayed: true });
    expect(await store.write(request('b', 'back to 1'))).toEqual({ ...first, replayed: true });
    expect(await store.answered(request('a', 'back to 2'))).toEqual({ kind: 'KeyReused', revision: 1 });
    expect(await stateOf(store)).toBe('chat=a@1');
  });

  it('is remembered after a write that had nothing to change, and not after a conflict', async () => {
    const store = await openStore(newFolder());
    await apply(store, [put('chat', 'a')]);
    await apply(store, [put('chat', 'a')], { idempotencyKey: 'same' });
    await apply(store, [put('chat', 'b', 7)], { idempotencyKey: 'lost' });
    await apply(store, [put('chat', 'b')]);
    expect(await apply(store, [put('chat', 'a')], { idempotencyKey: 'same' })).toMatchObject({ replayed: true });
    expect(await apply(store, [put('chat', 'c', 2)], { idempotencyKey: 'lost' })).toMatchObject({
      kind: 'Written',
      revision: 3,
    });
  });

  it('is forgotten after a day, and when there are too many', async () => {
    let nowMs = 1_000_000;
    const store = await openStore(newFolder(), { now: () => nowMs, limits: { keptAnswers: 3 } });
    for (const key of ['k1', 'k2', 'k3', 'k4']) await apply(store, [put('chat', key)], { idempotencyKey: key });
    expect(await apply(store, [put('chat', 'other')], { idempotencyKey: 'k2' })).toMatchObject({ kind: 'KeyReused' });
    expect(await apply(store, [put('chat', 'other')], { idempotencyKey: 'k1' })).toMatchObject({ revision: 5 });
    nowMs += 25 * 3_600_000;
    expect(await apply(store, [put('chat', 'anew')], { idempotencyKey: 'k4' })).toMatchObject({ revision: 6 });
    // Its newer answer outlives the record of the older one.
    for (const key of ['k5', 'k6']) await apply(store, [put('chat', key)], { idempotencyKey: key });
    expect(await apply(store, [put('chat', 'anew')], { idempotencyKey: 'k4' })).toMatchObject({
      replayed: true,
      revision: 6,
    });
  });
});

describe('history', () => {
  async function written(): Promise<EmbeddedStore> {
    const store = await openStore(newFolder(), { limits: { keptRevisions: 4 } });
    await apply(store, [put('chat', 'a'), put('code', 'a')]);
    await apply(store, [put('chat', 'b')], { reason: 'see http://u:secret@host/' });
    await apply(store, [remove('code')]);
    await apply(store, [put('chat', 'c')]);
    return store;
  }

  it('tells each version with who and why, newest first, a page at a time', async () => {
    const store = await written();
    const versions = await store.history({ key: CHAT });
    expect(versions.map(({ revision, content, operation }) => `${revision}${content}${operation}`)).toEqual([
      '4cPut',
      '2bPut',
      '1aPut',
    ]);
    expect(versions[1]?.reason).toBe('see http://[redacted]@host/');
    const all = await store.history({ limit: 2 });
    expect(all.map(({ name, revision }) => `${name}@${revision}`)).toEqual(['chat@4', 'code@3']);
    const rest = await store.history({ before: 3 });
    expect(rest.map(({ name, revision }) => `${name}@${revision}`)).toEqual(['chat@2', 'chat@1', 'code@1']);
  });

  it('gives the documents of any kept revision, and says which are kept', async () => {
    const store = await written();
    const at = async (revision: number): Promise<unknown> => {
      const outcome = await store.listAt(revision);
      return outcome.kind === 'Listed' ? outcome.list.documents.map(({ name, content }) => name + content) : outcome;
    };
    expect(await at(0)).toEqual([]);
    expect(await at(1)).toEqual(['chata', 'codea']);
    expect(await at(2)).toEqual(['chatb', 'codea']);
    expect(await at(3)).toEqual(['chatb']);
    await apply(store, [put('chat', 'd')]);
    await apply(store, [put('chat', 'e')]);
    expect(await at(1)).toEqual({ kind: 'OutOfRange', floor: 2, newest: 6 });
    expect(await at(2)).toEqual(['chatb', 'codea']);
    expect(await at(7)).toMatchObject({ kind: 'OutOfRange' });
    expect((await store.history({ key: CHAT })).map(({ revision }) => revision)).toEqual([6, 5, 4, 2]);
  });
});

describe('a watch', () => {
  async function take(watch: AsyncIterator<WatchEvent>, count: number): Promise<readonly string[]> {
    const seen: string[] = [];
    for (let i = 0; i < count; i++) {
      const { value, done } = await watch.next();
      if (done === true) return [...seen, 'end'];
      const event = value as WatchEvent;
      seen.push(
        event.kind === 'Changed'
          ? `${event.revision}:${event.versions.map((one) => one.name + (one.content ?? '-')).join(',')}`
          : `compacted ${event.floor}`,
      );
    }
    return seen;
  }

  it('gives whole transactions in order from any revision on, and waits for the next', async () => {
    const store = await openStore(newFolder());
    await apply(store, [put('chat', 'a')]);
    await apply(store, [put('chat', 'b'), put('code', 'x')]);
    const early = store.watch(0);
    const late = store.watch(2);
    const next = take(late, 1);
    await apply(store, [remove('chat')]);
    expect(await next).toEqual(['3:chat-']);
    expect(await take(early, 3)).toEqual(['1:chata', '2:chatb,codex', '3:chat-']);
  });

  it('ends with its signal, with the store, and with the loop that reads it', async () => {
    const store = await openStore(newFolder());
    const stop = new AbortController();
    const [first, second] = [store.watch(0, stop.signal), store.watch(0)];
    const waiting = take(first, 1);
    stop.abort();
    expect(await waiting).toEqual(['end']);
    const open = take(second, 1);
    await apply(store, [put('chat', 'a')]);
    expect(await open).toEqual(['1:chata']);
    const third = store.watch(0);
    for await (const event of third) {
      expect(event).toMatchObject({ kind: 'Changed' });
      break;
    }
    expect(await take(third, 1)).toEqual(['end']);
    const last = take(second, 1);
    await store.close();
    expect(await last).toEqual(['end']);
  });

  it('tells a reader that fell behind what is kept, and one from another life of the store that it is one', async () => {
    const store = await openStore(newFolder(), { limits: { keptRevisions: 2 } });
    const slow = store.watch(0);
    for (const content of ['a', 'b', 'c', 'd', 'e']) await apply(store, [put('chat', content)]);
    expect(await take(slow, 2)).toEqual(['compacted 3', 'end']);
    expect(await take(store.watch(3), 2)).toEqual(['4:chatd', '5:chate']);
    expect(await take(store.watch(99), 2)).toEqual(['compacted 5', 'end']);
  });
});

describe('a lease', () => {
  it('has one holder until it lapses, and a token that rises with each, also over restarts', async () => {
    let nowMs = 0;
    const folder = newFolder();
    let store = await openStore(folder, { now: () => nowMs });
    const held = await store.acquire('writer', 'a', 10_000);
    expect(held).toEqual({ kind: 'Held', lease: { name: 'writer', holder: 'a', token: 1, expiresAtMs: 10_000 } });
    nowMs = 5000;
    expect(await store.acquire('writer', 'b', 10_000)).toEqual({ kind: 'Taken', holder: 'a', expiresAtMs: 10_000 });
    expect(await store.acquire('writer', 'a', 10_000)).toMatchObject({ lease: { token: 1, expiresAtMs: 15_000 } });
    nowMs = 15_000;
    expect(await store.acquire('writer', 'b', 10_000)).toMatchObject({ lease: { holder: 'b', token: 2 } });
    await store.close();
    store = await openStore(folder, { now: () => nowMs });
    expect(await store.acquire('writer', 'c', 10_000)).toMatchObject({ lease: { token: 3 } });
  });

  it('of two that come at once goes to one', async () => {
    const store = await openStore(newFolder());
    const outcomes = await Promise.all(['a', 'b', 'c'].map((holder) => store.acquire('writer', holder, 60_000)));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['Held', 'Taken', 'Taken']);
  });

  it('fences the write of a holder that has lost it', async () => {
    let nowMs = 0;
    const store = await openStore(newFolder(), { now: () => nowMs });
    const first = await store.acquire('writer', 'a', 1000);
    if (first.kind !== 'Held') return expect.fail('not held');
    const fence = { lease: 'writer', token: first.lease.token };
    const write = (content: string) =>
      store.write({ action: 'Apply', author: 'a', reason: '', changes: [put('chat', content)], fence });
    expect(await write('x')).toMatchObject({ kind: 'Written' });
    nowMs = 2000;
    expect(await write('y')).toEqual({ kind: 'Fenced', holder: undefined });
    await store.acquire('writer', 'b', 1000);
    expect(await write('y')).toEqual({ kind: 'Fenced', holder: 'b' });
    await store.release(first.lease);
    expect(await store.acquire('writer', 'c', 1000)).toMatchObject({ kind: 'Taken', holder: 'b' });
    expect(await stateOf(store)).toBe('chat=x@1');
  });
});

describe('the trail of a store', () => {
  it('holds who did what, without contents and without secrets, and operations beside writes', async () => {
    const store = await openStore(newFolder());
    await apply(store, [put('chat', 'url: http://u:secret-1@h')], { reason: 'with Bearer secret-2-abc' });
    await store.record({
      action: 'Freeze',
      author: 'http://x:secret-3@y',
      reason: 'r',
      details: { service: 'chat?token=secret-4' },
    });
    const [freeze, write] = await store.audit({});
    expect(freeze).toMatchObject({ sequence: 2, action: 'Freeze', previous: write?.hash });
    expect(write).toMatchObject({ sequence: 1, revision: 1, changes: [{ ...CHAT, operation: 'Put' }] });
    expect(JSON.stringify([freeze, write])).not.toContain('secret-');
    expect(await store.audit({ before: 2, limit: 5 })).toEqual([write]);
    expect(await store.record({ action: 'no word', author: 'a', reason: '' })).toMatchObject({ kind: 'Refused' });
  });

  it('is whole while the server runs, and after it', async () => {
    const folder = newFolder();
    const store = await openStore(folder);
    await apply(store, [put('chat', 'a'), put('code', 'b')]);
    await apply(store, [remove('code')]);
    const live = await verifyStoredTrail(folder);
    expect(live).toMatchObject({ ok: true, records: 2, lost: 0 });
    await store.close();
    expect(await verifyStoredTrail(folder)).toEqual(live);
  });
});

describe('the directory of a store', () => {
  it('is for its owner only, and for one store at a time', async () => {
    const folder = join(newFolder(), 'deep', 'store');
    const { store, mended } = await opened(folder);
    expect(mended).toEqual({ damages: [], restored: [], salvagedFrom: undefined });
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    await apply(store, [put('chat', 'a')]);
    for (const file of ['store.db', 'store.db-wal']) expect(statSync(join(folder, file)).mode & 0o077).toBe(0);
    await expect(opened(folder)).rejects.toMatchObject({
      code: 'LOADLINE_STORE',
      message: expect.stringContaining('in use by this process'),
    });
    await store.close();
    await expect(store.list()).rejects.toMatchObject({
      code: 'LOADLINE_STORE',
      message: expect.stringContaining('is closed'),
    });
    expect(await stateOf(await openStore(folder))).toBe('chat=a@1');
  });
});
