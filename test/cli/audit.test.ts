import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteFile } from '../../src/edge/store/embedded/sqlite-file.ts';
import { EmbeddedStore, storeFolder } from '../../src/edge/store/index.ts';
import { run } from './run.ts';

let data: string;

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'loadline-audit-cli-'));
  const { store } = await EmbeddedStore.open({ folder: storeFolder(data), now: () => Date.UTC(2026, 0, 2, 3, 4, 5) });
  const chat = { kind: 'ModelService', name: 'chat' };
  const write = (change: object, reason: string) =>
    store.write({ action: 'Apply', author: 'ann', reason, changes: [{ ...chat, ...change } as never] });
  await write({ operation: 'Put', content: 'a' }, 'first');
  await write({ operation: 'Put', content: 'b' }, 'second\nthought');
  await write({ operation: 'Delete' }, '');
  await store.record({ action: 'Freeze', author: 'bob', reason: 'rush', details: { service: 'chat' } });
  await store.close();
});

afterEach(() => {
  rmSync(data, { recursive: true, force: true });
});

describe('loadline audit', () => {
  it('lists who did what and why, newest first', async () => {
    const { code, out } = await run('audit', 'list', '--data', data);
    expect(code).toBe(0);
    const lines = out.split('\n').map((line) => line.replace(/ +[0-9a-f]{12}$/, ''));
    expect(lines).toEqual([
      '#  TIME                      AUTHOR  ACTION  SUBJECT             REVISION  REASON          HASH',
      '4  2026-01-02T03:04:05.000Z  bob     Freeze  service=chat        -         rush',
      '3  2026-01-02T03:04:05.000Z  ann     Apply   -ModelService/chat  3         -',
      '2  2026-01-02T03:04:05.000Z  ann     Apply   ModelService/chat   2         second thought',
      '1  2026-01-02T03:04:05.000Z  ann     Apply   ModelService/chat   1         first',
      '',
    ]);
    const page = await run('audit', 'list', '--data', data, '--before', '3', '--limit', '1', '--output', 'json');
    expect(JSON.parse(page.out)).toMatchObject([{ sequence: 2, author: 'ann', revision: 2 }]);
  });

  it('verifies the trail, and proves that it is the one that was noted', async () => {
    const first = await run('audit', 'verify', '--data', data);
    expect(first).toMatchObject({ code: 0, err: '' });
    const noted = /^ok 4 records, 3 contents compared; to be noted: (4:[0-9a-f]{64})\n$/.exec(first.out)?.[1];
    expect(noted).toBeDefined();
    expect(await run('audit', 'verify', '--data', data, '--known', noted ?? '')).toEqual(first);
    const other = await run('audit', 'verify', '--data', data, '--known', `4:${'0'.repeat(64)}`);
    expect(other).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^broken at record 4: .*written anew/),
    });
  });

  it('gives the verdict as a value', async () => {
    const ran = await run('audit', 'verify', '--data', data, '-o', 'json');
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(ran.out)).toMatchObject({ ok: true, records: 4, contents: 3, lost: 0, head: { sequence: 4 } });
    const broken = await run('audit', 'verify', '--data', data, '--known', `4:${'0'.repeat(64)}`, '-o', 'json');
    expect(broken).toMatchObject({ code: 1, err: '' });
    expect(JSON.parse(broken.out)).toMatchObject({ ok: false, sequence: 4 });
  });

  it('names the first broken record and why, with exit code 1', async () => {
    const file = new SqliteFile(join(storeFolder(data), 'store.db'));
    const key = 'audit/0000000000000002';
    file.transaction(() => file.put(key, (file.get(key) ?? '').replace('second', 'secure')));
    file.close();
    expect(await run('audit', 'verify', '--data', data)).toEqual({
      code: 1,
      out: '',
      err: 'broken at record 2: it is damaged: its checksum does not match\n',
    });
  });

  it('says it when there is no store, and what a known record looks like', async () => {
    expect(await run('audit', 'verify', '--data', join(data, 'none'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('cannot be read: there is none yet'),
    });
    expect(await run('audit', 'verify', '--known', '7')).toMatchObject({
      code: 2,
      err: expect.stringContaining('expected SEQUENCE:HASH'),
    });
  });
});
