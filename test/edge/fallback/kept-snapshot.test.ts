import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeSnapshot, type Snapshot } from '../../../src/core/snapshot/index.ts';
import { Keeper } from '../../../src/edge/fallback/keeper.ts';
import { KeptSnapshot } from '../../../src/edge/fallback/kept-snapshot.ts';
import { createLog } from '../../../src/edge/observe/index.ts';
import { assignment, cluster, listener, resource, routes } from '../../support/envoy-resources.ts';

const KEY = { group: 'lab', release: '1.40', listenerOverrides: { models: '127.0.0.1:15011' } };

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function path(): string {
  const folder = mkdtempSync(join(tmpdir(), 'loadline-kept-'));
  folders.push(folder);
  return join(folder, 'below', 'kept.json');
}

function snapshot(weight: number): Snapshot {
  return makeSnapshot(KEY, [
    cluster('chat'),
    assignment('chat', [{ port: 9101, weight }]),
    listener('models', 15_011),
    routes('models', ['chat']),
    resource('secret', 'key', { name: 'key' }),
  ]);
}

describe('the kept snapshot', () => {
  it('comes back with the same bytes and versions, without secrets, and is for its owner alone', async () => {
    const kept = new KeptSnapshot(path(), KEY);
    await kept.save(snapshot(7));
    const { resources, problem } = await kept.load();
    expect(problem).toBeUndefined();
    const all = [...snapshot(7).types.values()].flatMap((view) => [...view.values()]);
    const wanted = all.filter(({ name }) => name !== 'key').map(({ name, version, delta }) => [name, version, delta]);
    expect(resources.map(({ name, version, delta }) => [name, version, delta])).toEqual(wanted);
    expect(statSync(kept.path).mode & 0o777).toBe(0o600);
  });

  it('is none where there is no file', async () => {
    expect(await new KeptSnapshot(path(), KEY).load()).toEqual({ resources: [] });
  });

  it.each([
    [
      'another group',
      { ...KEY, group: 'other' },
      /it is for group lab with listeners \{"models":"127\.0\.0\.1:15011"\}/,
    ],
    ['other listeners', { ...KEY, listenerOverrides: {} }, /it is for group lab/],
  ])('is not used for %s', async (_what, key, problem) => {
    const kept = new KeptSnapshot(path(), KEY);
    await kept.save(snapshot(7));
    const read = await new KeptSnapshot(kept.path, key).load();
    expect(read).toEqual({ resources: [], problem: expect.stringMatching(problem) });
  });

  it('is not used when it is damaged, at whatever byte', async () => {
    const kept = new KeptSnapshot(path(), KEY);
    await kept.save(snapshot(7));
    const whole = readFileSync(kept.path);
    for (let at = 0; at < whole.length; at += 97) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ 1;
      writeFileSync(kept.path, damaged);
      const { resources, problem } = await kept.load();
      expect(resources, `byte ${at}`).toEqual([]);
      expect(problem, `byte ${at}`).toBeDefined();
    }
  });
});

describe('keeping', () => {
  it('writes the first at once, then the newest when its time has come, and the last at the end', async () => {
    const written: Snapshot[] = [];
    const log = await createLog({ level: 'silent' });
    const keeper = new Keeper({ path: 'x', save: async (one) => void written.push(one) }, log, 60_000);
    const [first, second, third] = [snapshot(1), snapshot(2), snapshot(3)];
    keeper.keep(first);
    keeper.keep(second);
    keeper.keep(third);
    expect(written).toEqual([first]);
    await keeper.stop();
    expect(written).toEqual([first, third]);
  });

  it('tries again with the newest what could not be written, and says so once', async () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) };
    const log = await createLog({ level: 'info', destination, pretty: false });
    const blocked = path();
    writeFileSync(dirname(blocked), 'a file where a folder should be');
    const kept = new KeptSnapshot(blocked, KEY);
    let failures = 0;
    const written: Snapshot[] = [];
    const save = async (one: Snapshot): Promise<void> => {
      if (failures === 3) written.push(one);
      else {
        failures += 1;
        await kept.save(one);
      }
    };
    const keeper = new Keeper({ path: kept.path, save }, log, 1);
    const only = snapshot(1);
    keeper.keep(only);
    for (let turn = 0; turn < 1000 && written.length === 0; turn += 1)
      await new Promise((resolve) => setTimeout(resolve, 1));
    await keeper.stop();
    expect(written).toEqual([only]);
    expect(lines).toEqual(['snapshot cannot be kept', 'snapshot kept']);
  });
});
