import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeBack } from '../../src/app/take-back.ts';
import { storedTexts } from '../../src/edge/admin/index.ts';
import { type DocumentStore, EmbeddedStore, type PolicyText } from '../../src/edge/store/index.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';

let folder: string;
let store: DocumentStore;
let log: FakeLog;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loadline-take-back-'));
  ({ store } = await EmbeddedStore.open({ folder }));
  log = new FakeLog();
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Writes documents by name; without content it deletes. */
async function write(documents: Readonly<Record<string, string | undefined>>): Promise<readonly PolicyText[]> {
  const changes = Object.entries(documents).map(([name, content]) =>
    content === undefined
      ? ({ operation: 'Delete', kind: 'ModelService', name } as const)
      : ({ operation: 'Put', kind: 'ModelService', name, content, line: 1 } as const),
  );
  const outcome = await store.write({ action: 'Apply', author: 'ann', reason: '', changes });
  expect(outcome.kind).toBe('Written');
  return texts();
}

async function texts(): Promise<readonly PolicyText[]> {
  return storedTexts((await store.list()).documents);
}

describe('a change that is taken back, in the store', () => {
  it('gives way to what is in force, in one revision that says why', async () => {
    await write({ chat: 'one' });
    const inForce = await write({ chat: 'two', embed: 'one' });
    const tried = await write({ chat: 'three', embed: undefined, code: 'new' });
    expect(await takeBack(store, { tried, inForce }, 'Nack on a: no (chat.yaml:3:1)', log)).toBe(true);
    expect(await texts()).toEqual(inForce);
    const [newest] = await store.audit({ limit: 1 });
    expect(newest).toMatchObject({ action: 'TakeBack', author: 'loadline', reason: 'Nack on a: no (chat.yaml:3:1)' });
    const history = await store.history({});
    expect(new Set(history.slice(0, 3).map(({ revision }) => revision)).size).toBe(1);
  });

  it('is nothing when something else came after it: that is tried next', async () => {
    const inForce = await write({ chat: 'one' });
    const tried = await write({ chat: 'two' });
    const newer = await write({ chat: 'three' });
    expect(await takeBack(store, { tried, inForce }, 'x', log)).toBe(false);
    expect(await texts()).toEqual(newer);
    expect((await store.status()).revision).toBe(3);
  });

  it('leaves the store alone when what is in force never stood there, and says so', async () => {
    const tried = await write({ chat: 'one' });
    await takeBack(store, { tried, inForce: [{ name: 'elsewhere.yaml', text: 'x' }] }, 'x', log);
    expect((await store.status()).revision).toBe(1);
    expect(log.lines).toMatchObject([['warn', {}, expect.stringContaining('is not in the history')]]);
  });

  it('loses to who writes in the meantime: his change is the next to be tried', async () => {
    const inForce = await write({ chat: 'one' });
    const tried = await write({ chat: 'two' });
    const racing: DocumentStore = Object.create(store, {
      listAt: {
        value: async (revision: number) => {
          await write({ chat: 'three' });
          return store.listAt(revision);
        },
      },
      list: { value: () => store.list() },
      write: { value: (request: Parameters<DocumentStore['write']>[0]) => store.write(request) },
    });
    await takeBack(racing, { tried, inForce }, 'x', log);
    expect((await texts())[0]?.text).toBe('three');
    expect(log.lines).toMatchObject([['warn', { outcome: 'Conflict' }, expect.stringContaining('changed meanwhile')]]);
  });
});
