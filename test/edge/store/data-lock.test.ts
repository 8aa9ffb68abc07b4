import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CheckpointStore, type ProcessTable } from '../../../src/edge/store/index.ts';
import { systemProcesses } from '../../../src/edge/store/process-table.ts';
import { Disk, type Fault } from './disk.ts';
import { processes } from './processes.ts';

let mounts = 0;

function server(disk: Disk, table: ProcessTable): CheckpointStore {
  mounts += 1;
  return new CheckpointStore(`/m${mounts}/data`, disk.mount(`/m${mounts}`), table);
}

const ALIVE = { 10: 'birth of 10', 20: 'birth of 20' };

describe('the data lock', () => {
  it('refuses a second server, in words that name the folder, the owner and the way out', async () => {
    const disk = new Disk();
    const first = server(disk, processes(10, ALIVE));
    await first.open();
    const second = server(disk, processes(20, ALIVE)).open();
    await expect(second).rejects.toMatchObject({
      code: 'LOADLINE_STORE',
      message: expect.stringMatching(
        /^data directory \/m\d+\/data is in use by process 10 \(.*\/lock\); use another .*--data/,
      ),
    });
    expect(disk.names()).toEqual(['/data/lock']);
    await first.close();
    const third = server(disk, processes(20, ALIVE));
    await third.open();
    await third.close();
    expect(disk.names()).toEqual([]);
  });

  it('refuses the same folder to a second store of the same process', async () => {
    const disk = new Disk();
    const fs = disk.mount('/same');
    const first = new CheckpointStore('/same/data', fs, processes(10, ALIVE));
    await first.open();
    const other = new CheckpointStore('/same/./data/', fs, processes(10, ALIVE));
    await expect(other.open()).rejects.toThrow('is in use by this process');
    await first.close();
    await other.open();
    await other.close();
  });

  it.each<[string, string, ProcessTable]>([
    ['its owner is dead', '{"pid":10,"host":"machine","birth":"birth of 10"}', processes(20, { 20: 'b' })],
    ['its id belongs to a later process', '{"pid":10,"host":"machine","birth":"long ago"}', processes(20, ALIVE)],
    ['it is of another host: the volume has moved', '{"pid":10,"host":"other"}', processes(20, ALIVE)],
    ['its owner had our id: a container, where it is always 1', '{"pid":20,"host":"machine"}', processes(20, ALIVE)],
    ['it is empty', '', processes(20, ALIVE)],
    ['it is rubbish', '{"pid":', processes(20, ALIVE)],
    ['it is JSON of something else', 'null', processes(20, ALIVE)],
    ['its process id is none', '{"pid":-1,"host":"machine"}', processes(20, ALIVE)],
  ])('is taken over when %s', async (_, text, table) => {
    const disk = new Disk();
    disk.set('/data/lock', text);
    const store = server(disk, table);
    await store.open();
    expect(JSON.parse(new TextDecoder().decode(disk.get('/data/lock')))).toMatchObject({ pid: 20, host: 'machine' });
    expect(disk.names()).toEqual(['/data/lock']);
    await store.close();
    expect(disk.names()).toEqual([]);
  });

  it('is respected when the system does not say when a living owner started', async () => {
    const disk = new Disk();
    disk.set('/data/lock', '{"pid":10,"host":"machine","birth":"b"}');
    const store = server(disk, processes(20, { 10: undefined, 20: undefined }));
    await expect(store.open()).rejects.toThrow('is in use by process 10');
  });

  it('is not taken away from a successor by a late close', async () => {
    const disk = new Disk();
    const late = server(disk, processes(10, ALIVE));
    await late.open();
    const successor = server(disk, processes(20, { 20: 'b' }));
    await successor.open();
    await late.close();
    expect(new TextDecoder().decode(disk.get('/data/lock'))).toContain('"pid":20');
    await successor.close();
  });

  it('goes to one of two servers that find a stale one at the same moment', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.boolean(), async (scheduler, stale) => {
        const disk = new Disk();
        if (stale) disk.set('/data/lock', '{"pid":5,"host":"machine"}');
        disk.pause = () => scheduler.schedule(Promise.resolve());
        const stores = [10, 20].map((pid) => server(disk, processes(pid, ALIVE)));
        const results = Promise.allSettled(stores.map((store) => store.open()));
        await scheduler.waitFor(results);
        const opened = (await results).map(({ status }) => status === 'fulfilled');
        expect(opened.filter(Boolean)).toHaveLength(1);
        const owner = JSON.parse(new TextDecoder().decode(disk.get('/data/lock'))) as { pid: number };
        expect(owner.pid).toBe(opened[0] ? 10 : 20);
        expect(disk.names()).toEqual(['/data/lock']);
        disk.pause = async () => {};
        await stores[opened[0] ? 0 : 1]?.close();
      }),
      { numRuns: 200 },
    );
  });

  it.each<[Fault, boolean]>([
    ['Before', false],
    ['Before', true],
    ['Torn', false],
    ['Torn', true],
    ['After', false],
    ['After', true],
  ])('survives the failure (%s, stale lock: %s) of any operation: the next try gets it', async (fault, stale) => {
    for (let n = 1; ; n++) {
      const disk = new Disk();
      if (stale) disk.set('/data/lock', '{"pid":5,"host":"machine"}');
      disk.fault = (operation) => (operation === n ? fault : undefined);
      mounts += 1;
      const fs = disk.mount(`/m${mounts}`);
      const table = processes(10, { 10: 'b' });
      const store = new CheckpointStore(`/m${mounts}/data`, fs, table);
      const failed = await store.open().then(
        () => undefined,
        (error: unknown) => error,
      );
      const clean = disk.operations < n;
      disk.fault = () => undefined;
      if (failed !== undefined) {
        expect(failed).toMatchObject({ code: 'LOADLINE_STORE', message: expect.stringContaining('EIO') });
        // The same process tries again, as does the next one.
        await new CheckpointStore(`/m${mounts}/data`, fs, table).open().catch((error: unknown) => {
          expect.fail(`after operation ${n}: ${(error as Error).message}`);
        });
      } else {
        expect(new TextDecoder().decode(disk.get('/data/lock')), `operation ${n}`).toContain('"pid":10');
        await store.close();
        expect(disk.get('/data/lock')).toBeUndefined();
      }
      if (clean) return;
      expect(n).toBeLessThan(50);
    }
  });
});

describe('the process table of this system', () => {
  it('knows this process, and not one that has ended', () => {
    expect(systemProcesses.pid).toBe(process.pid);
    expect(systemProcesses.isAlive(process.pid)).toBe(true);
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    expect(systemProcesses.isAlive(pid)).toBe(false);
    expect(systemProcesses.birthOf(pid)).toBeUndefined();
  });

  it.runIf(process.platform === 'linux')('tells when a process started, the same at every look', () => {
    const birth = systemProcesses.birthOf(process.pid);
    expect(birth).toMatch(/^[0-9a-f-]{36}\/\d+$/);
    expect(systemProcesses.birthOf(process.pid)).toBe(birth);
    expect(systemProcesses.birthOf(1)).not.toBe(birth);
  });
});
