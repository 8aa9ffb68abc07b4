import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type EmbeddedStore, verifyStoredTrail } from '../../../../src/edge/store/index.ts';
import { BrokenDisk, type Fault } from './broken-disk.ts';
import { apply, cleanUp, newFolder, openStore, put, stateOf } from './stores.ts';

cleanUp();

let disk: BrokenDisk | undefined;

afterEach(() => {
  disk?.restore();
  disk = undefined;
});

/** Writes 1 to 3, each to two documents; the numbers that were acknowledged. */
async function writeSome(store: EmbeddedStore): Promise<readonly number[]> {
  const good: number[] = [];
  for (let value = 1; value <= 3; value++) {
    const content = `${value}${'.'.repeat(value * 700)}`;
    try {
      const outcome = await apply(store, [put('a', content), put('b', content)], { reason: String(value) });
      expect(outcome.kind).toBe('Written');
      good.push(value);
    } catch (error) {
      expect(error).toMatchObject({ code: 'LOADLINE_STORE', message: expect.stringContaining('the store in ') });
      expect((await store.status()).failure).toBe((error as Error).message);
    }
  }
  return good;
}

/** The numbers that the trail has, after a look that nothing is torn. */
async function stored(store: EmbeddedStore): Promise<readonly number[]> {
  const { documents } = await store.list();
  const [a, b] = documents;
  expect([b?.content, b?.revision]).toEqual([a?.content, a?.revision]);
  const numbers = (await store.audit({})).map(({ reason }) => Number(reason)).reverse();
  expect(a === undefined ? 0 : Number.parseInt(a.content, 10)).toBe(numbers.at(-1) ?? 0);
  return numbers;
}

describe('when any one call to the file system fails', () => {
  it.each<[Fault['kind'], Fault['code']]>([
    ['Once', 'EIO'],
    ['Once', 'ENOSPC'],
    ['Onwards', 'ENOSPC'],
    ['Onwards', 'EIO'],
  ])(
    '(%s, %s) no acknowledged write is lost, nothing is torn, and writing goes on afterwards',
    async (kind, code) => {
      let clean = false;
      for (let at = 1; !clean; at++) {
        const folder = newFolder();
        disk = new BrokenDisk(folder);
        const store = await openStore(folder);
        disk.arm({ at, kind, code });
        const good = await writeSome(store);
        clean = disk.failures === 0;
        if (clean) expect(good).toEqual([1, 2, 3]);
        else expect(good.length).toBeLessThan(3);
        disk.arm(undefined);
        expect(await stored(store), `operation ${at}`).toEqual(good);
        await apply(store, [put('a', '4'), put('b', '4')], { reason: '4' });
        expect((await store.status()).failure).toBeUndefined();
        await store.close();
        const again = await openStore(folder);
        expect(await stored(again), `operation ${at}, after a restart`).toEqual([...good, 4]);
        await again.close();
        expect(await verifyStoredTrail(folder)).toMatchObject({ ok: true });
        disk.restore();
        rmSync(folder, { recursive: true, force: true });
        expect(at).toBeLessThan(200);
      }
    },
    60_000,
  );

  it('while the store opens, it says so and opens the next time', async () => {
    const folder = newFolder();
    const first = await openStore(folder);
    const good = await writeSome(first);
    await first.close();
    let clean = false;
    for (let at = 1; !clean; at++) {
      disk = new BrokenDisk(folder);
      disk.arm({ at, kind: 'Once', code: 'EIO' });
      const failure = await openStore(folder).then(
        (store) => store.close(),
        (error: unknown) => error,
      );
      clean = disk.failures === 0;
      disk.restore();
      if (failure !== undefined) expect(failure).toMatchObject({ code: 'LOADLINE_STORE' });
      const store = await openStore(folder);
      expect(await stored(store), `operation ${at}`).toEqual(good);
      await store.close();
      expect(at).toBeLessThan(200);
    }
  });
});

/** A file system of its own, where this user may mount one. */
function mountSmall(point: string): boolean {
  mkdirSync(point);
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', point]).status === 0;
}

describe('on a real file system', () => {
  const points: string[] = [];

  afterEach(() => {
    for (const point of points.splice(0)) spawnSync('umount', ['-l', point]);
  });

  it('that is full a write is refused in words, the server goes on, and so does writing when there is space', async ({
    skip,
  }) => {
    const point = join(newFolder(), 'small');
    if (!mountSmall(point)) return skip('this user may not mount a file system');
    points.push(point);
    const store = await openStore(join(point, 'store'));
    await apply(store, [put('a', 'first')]);
    const before = await stateOf(store);
    writeFileSync(join(point, 'ballast'), Buffer.alloc(64 * 1024));
    const failures: unknown[] = [];
    for (let n = 0; n < 40; n++)
      await apply(store, [put('a', 'x'.repeat(30_000) + n)]).catch((error: unknown) => failures.push(error));
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.at(-1)).toMatchObject({
      code: 'LOADLINE_STORE',
      message: expect.stringMatching(/there is no space left/),
    });
    expect((await store.status()).failure).toContain('there is no space left');
    expect(await stateOf(store)).not.toBe(before);
    rmSync(join(point, 'ballast'));
    expect(await apply(store, [put('a', 'last')])).toMatchObject({ kind: 'Written' });
    await store.close();
    expect(await verifyStoredTrail(join(point, 'store'))).toMatchObject({ ok: true });
  });

  it('that turns read-only a write is refused, and the store does not open', async ({ skip }) => {
    const point = join(newFolder(), 'small');
    if (!mountSmall(point)) return skip('this user may not mount a file system');
    points.push(point);
    const folder = join(point, 'store');
    const store = await openStore(folder);
    await apply(store, [put('a', 'first')]);
    await store.close();
    spawnSync('mount', ['-o', 'remount,ro', point]);
    await expect(openStore(folder)).rejects.toMatchObject({
      code: 'LOADLINE_STORE',
      message: expect.stringMatching(/EROFS|read-only/),
    });
    spawnSync('mount', ['-o', 'remount,rw', point]);
    expect(await stateOf(await openStore(folder))).toBe('a=first@1');
  });

  it('a folder that cannot be made is an error in words', async () => {
    const folder = newFolder();
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await expect(openStore(join(file, 'store'))).rejects.toMatchObject({
      code: 'LOADLINE_STORE',
      message: expect.stringContaining(join(file, 'store')),
    });
    expect(statSync(file).size).toBe(0);
  });
});
