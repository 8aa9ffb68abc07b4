import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { CheckpointStore } from '../../../src/edge/store/index.ts';
import { Disk, type Fault } from './disk.ts';
import { processes } from './processes.ts';

let mounts = 0;

/** A server's store on the disk, as a process that has just started: none of the ones before is alive any more. */
function boot(disk: Disk): CheckpointStore {
  mounts += 1;
  const point = `/mount${mounts}`;
  return new CheckpointStore(`${point}/data`, disk.mount(point), processes(100 + mounts));
}

async function loaded(disk: Disk) {
  const store = boot(disk);
  await store.open();
  const { checkpoint, warnings } = await store.load();
  await store.close();
  return { checkpoint, warnings: warnings.map(({ code, path }) => `${code} ${path.replace(/^.*\//, '')}`) };
}

/** A disk with the saves 1, 2, … in it. */
async function diskWith(saves: number): Promise<Disk> {
  const disk = new Disk();
  const store = boot(disk);
  await store.open();
  for (let value = 1; value <= saves; value++) await store.save({ value });
  await store.close();
  return disk;
}

describe('a checkpoint store', () => {
  it('has nothing at first, and no complaint about it', async () => {
    expect(await loaded(new Disk())).toEqual({ checkpoint: undefined, warnings: [] });
  });

  it('gives back the newest save, also after one that was never loaded', async () => {
    const disk = await diskWith(3);
    expect(await loaded(disk)).toEqual({ checkpoint: { value: 3 }, warnings: [] });
    const store = boot(disk);
    await store.open();
    await store.save({ value: 4 });
    await store.close();
    expect((await loaded(disk)).checkpoint).toEqual({ value: 4 });
  });

  it('gives back any JSON value as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const disk = new Disk();
        const store = boot(disk);
        await store.open();
        await store.save(value);
        await store.close();
        expect((await loaded(disk)).checkpoint).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 50 },
    );
  });

  it('keeps two generations and no other file', async () => {
    expect((await diskWith(7)).names()).toEqual(['/data/checkpoint.0', '/data/checkpoint.1']);
  });

  it('is of no use before it is opened and after it is closed', async () => {
    const store = boot(new Disk());
    await expect(store.load()).rejects.toMatchObject({ code: 'LOADLINE_STORE' });
    await store.open();
    await store.close();
    await expect(store.save(1)).rejects.toMatchObject({ code: 'LOADLINE_STORE' });
  });

  it.each<Fault>([
    'Before',
    'Torn',
    'After',
  ])('survives the failure (%s) of any one operation: the last good save loads, and saving goes on', async (fault) => {
    for (let n = 1; ; n++) {
      const disk = new Disk();
      disk.fault = (operation) => (operation === n ? fault : undefined);
      const store = boot(disk);
      let good = 0;
      const bad: number[] = [];
      const opened = await store.open().then(
        () => true,
        () => false,
      );
      if (opened) {
        for (let value = 1; value <= 4; value++) {
          try {
            await store.save({ value });
            good = value;
          } catch (error) {
            expect(error).toMatchObject({ code: 'LOADLINE_STORE' });
            bad.push(value);
          }
          // What the next process would find: what was stored last, or what was under way when it failed.
          const last = bad.at(-1) ?? 0;
          expect(last > good ? [good, last] : [good], `operation ${n}`).toContain(await storedNow(disk));
        }
        expect(bad.length).toBeLessThanOrEqual(1);
      }
      const total = disk.operations;
      disk.fault = () => undefined;
      if (opened) {
        await store.save({ value: 'after' });
        await store.close();
        expect((await loaded(disk)).checkpoint, `operation ${n}`).toEqual({ value: 'after' });
      }
      if (total < n) {
        expect(good).toBe(4);
        return;
      }
      expect(n).toBeLessThan(200);
    }
  });

  it('survives a loss of power at any operation: what was stored is there, or what was being stored', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom<Fault>('Before', 'Torn', 'After'),
        fc.infiniteStream(fc.boolean()),
        async (n, fault, coin) => {
          const disk = new Disk();
          // From the n-th operation on nothing reaches the disk.
          disk.fault = (operation) => (operation === n ? fault : operation > n ? 'Before' : undefined);
          const store = boot(disk);
          let good = 0;
          const opened = await store.open().then(
            () => true,
            () => false,
          );
          for (let value = 1; opened && value <= 6; value++) {
            try {
              await store.save({ value });
              good = value;
            } catch {
              break;
            }
          }
          disk.fault = () => undefined;
          disk.powerLoss(() => coin.next().value as boolean);
          const { checkpoint } = await loaded(disk);
          const value = (checkpoint as { value: number } | undefined)?.value ?? 0;
          expect([good, good + 1]).toContain(value);
          // And the next server goes on from there.
          const next = boot(disk);
          await next.open();
          await next.save({ value: 'next' });
          await next.close();
          expect((await loaded(disk)).checkpoint).toEqual({ value: 'next' });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keeps what is stored when the disk is full, and stores again when it is not', async () => {
    const disk = await diskWith(2);
    const store = boot(disk);
    await store.open();
    await store.load();
    disk.fault = () => 'Torn';
    for (let i = 0; i < 5; i++)
      await expect(store.save({ value: 'lost' })).rejects.toMatchObject({ code: 'LOADLINE_STORE' });
    disk.fault = () => undefined;
    expect((await loaded(copyWithoutLock(disk))).checkpoint).toEqual({ value: 2 });
    await store.save({ value: 3 });
    await store.close();
    expect((await loaded(disk)).checkpoint).toEqual({ value: 3 });
  });
});

describe('a damaged checkpoint', () => {
  /** Saves 1 to 3: the newest generation is in slot 0, the one before it in slot 1. */
  const NEWEST = '/data/checkpoint.0';
  const OLDER = '/data/checkpoint.1';

  it('is recognised by any changed byte and at any length: the one before it is used, with a warning', async () => {
    const disk = await diskWith(3);
    const whole = disk.get(NEWEST) as Uint8Array;
    const damages: Uint8Array[] = [];
    for (let at = 0; at < whole.length; at++) {
      const changed = whole.slice();
      changed[at] = (changed[at] as number) ^ 0x01;
      damages.push(whole.slice(0, at), changed);
    }
    damages.push(Buffer.concat([whole, Buffer.from('x')]), Buffer.alloc(2048, 0x7b), Buffer.from('null\n{}'));
    expect(damages.length).toBeGreaterThan(200);
    for (const damage of damages) {
      disk.set(NEWEST, damage);
      const { checkpoint, warnings } = await loaded(disk);
      const told = warnings[0] ?? '';
      // A changed generation number is the one thing that the checksum of the body does not cover.
      if (told === '') expect(sameBody(damage, whole)).toBe(true);
      else {
        expect(checkpoint).toEqual({ value: 2 });
        expect(told).toMatch(/^CHECKPOINT_(CORRUPT|SCHEMA) checkpoint\.0$/);
      }
    }
  });

  it('is never overwritten before there is a new one: the next save goes to the damaged slot', async () => {
    const disk = await diskWith(3);
    disk.set(NEWEST, 'rubbish');
    const store = boot(disk);
    await store.open();
    await store.load();
    const older = disk.get(OLDER);
    await store.save({ value: 4 });
    await store.close();
    expect(disk.get(OLDER)).toEqual(older);
    expect(await loaded(disk)).toEqual({ checkpoint: { value: 4 }, warnings: [] });
  });

  it('in both places gives nothing and two warnings; the server starts and saves', async () => {
    const disk = await diskWith(3);
    disk.set(NEWEST, '');
    disk.set(OLDER, 'rubbish');
    expect(await loaded(disk)).toEqual({
      checkpoint: undefined,
      warnings: ['CHECKPOINT_CORRUPT checkpoint.0', 'CHECKPOINT_CORRUPT checkpoint.1'],
    });
    const store = boot(disk);
    await store.open();
    await store.save({ value: 9 });
    await store.close();
    expect((await loaded(disk)).checkpoint).toEqual({ value: 9 });
  });

  it('of a newer Loadline is left alone and told as such', async () => {
    const disk = await diskWith(3);
    const text = new TextDecoder().decode(disk.get(NEWEST)).replace('"schema":2', '"schema":3');
    disk.set(NEWEST, text);
    expect(await loaded(disk)).toEqual({
      checkpoint: { value: 2 },
      warnings: ['CHECKPOINT_SCHEMA checkpoint.0'],
    });
  });

  it('of the schema before is read', async () => {
    const disk = await diskWith(3);
    disk.set(NEWEST, new TextDecoder().decode(disk.get(NEWEST)).replace('"schema":2', '"schema":1'));
    expect(await loaded(disk)).toEqual({ checkpoint: { value: 3 }, warnings: [] });
  });

  it('with a right checksum over something that is no JSON is a warning, not a crash', async () => {
    const disk = await diskWith(3);
    const body = '{"value":';
    const header = {
      format: 'loadline-checkpoint',
      schema: 1,
      generation: 9,
      bytes: body.length,
      sha256: createHash('sha256').update(body).digest('hex'),
    };
    disk.set(NEWEST, `${JSON.stringify(header)}\n${body}`);
    expect(await loaded(disk)).toEqual({
      checkpoint: { value: 2 },
      warnings: ['CHECKPOINT_CORRUPT checkpoint.0'],
    });
  });

  it('that cannot be read is a warning: the other one is used', async () => {
    const disk = await diskWith(3);
    const store = boot(disk);
    await store.open();
    const first = disk.operations + 1;
    disk.fault = (operation) => (operation === first ? 'Before' : undefined);
    const { checkpoint, warnings } = await store.load();
    await store.close();
    expect(checkpoint).toEqual({ value: 2 });
    expect(warnings).toMatchObject([{ code: 'CHECKPOINT_UNREADABLE', message: expect.stringContaining('EIO') }]);
  });
});

describe('on a real file system', () => {
  let folder: string | undefined;

  afterEach(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it('the store makes its folder, for its owner only, and finds its save again', async () => {
    folder = mkdtempSync(join(tmpdir(), 'loadline-store-'));
    const data = join(folder, 'deep', 'data');
    const store = new CheckpointStore(data);
    await store.open();
    await store.save({ value: 1 });
    await store.save({ value: 2 });
    await store.close();
    expect(readdirSync(data).sort()).toEqual(['checkpoint.0', 'checkpoint.1']);
    expect(statSync(data).mode & 0o777).toBe(0o700);
    expect(statSync(join(data, 'checkpoint.0')).mode & 0o777).toBe(0o600);
    const again = new CheckpointStore(data);
    await again.open();
    expect(await again.load()).toEqual({ checkpoint: { value: 2 }, warnings: [] });
    await again.close();
  });

  it('a folder that cannot be made is an error in words', async () => {
    folder = mkdtempSync(join(tmpdir(), 'loadline-store-'));
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await expect(new CheckpointStore(join(file, 'data')).open()).rejects.toMatchObject({
      code: 'LOADLINE_STORE',
      message: expect.stringContaining(join(file, 'data')),
    });
  });
});

/** What a process would load from the disk as it is now, without touching it. */
async function storedNow(disk: Disk): Promise<number> {
  const { checkpoint } = await loaded(copyWithoutLock(disk));
  return (checkpoint as { value: number } | undefined)?.value ?? 0;
}

function copyWithoutLock(disk: Disk): Disk {
  const copy = new Disk();
  for (const name of disk.names()) if (!name.includes('/lock')) copy.set(name, disk.get(name) as Uint8Array);
  return copy;
}

/** Whether two files differ in the generation of their header at most. */
function sameBody(a: Uint8Array, b: Uint8Array): boolean {
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).replace(/"generation":\d+/, '');
  return text(a) === text(b);
}
