import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Checkpoint, Checkpoints } from '../../src/app/checkpoints.ts';
import { INITIAL_STATE, type Plan } from '../../src/core/control/index.ts';
import { loadPolicy } from '../../src/core/policy/index.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';

const START_MS = 1_800_000_000_000;

let folder: string;
let log: FakeLog;
let checkpoints: Checkpoints;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loadline-checkpoints-'));
  log = new FakeLog();
  checkpoints = new Checkpoints(join(folder, 'data'), log);
  await checkpoints.open();
});

afterEach(async () => {
  await checkpoints.close();
  rmSync(folder, { recursive: true, force: true });
});

function at(tick: number): Checkpoint {
  return { state: { ...INITIAL_STATE, tick }, policyFiles: [{ name: 'lab.yaml', text: 'x' }] };
}

/** The state without what JSON does not have. */
function tickOf(checkpoint: Checkpoint | undefined): number | undefined {
  return checkpoint?.state.tick;
}

async function stored(): Promise<Checkpoint | undefined> {
  await checkpoints.close();
  checkpoints = new Checkpoints(join(folder, 'data'), log);
  await checkpoints.open();
  return checkpoints.load(START_MS, loadPolicy);
}

describe('checkpoints', () => {
  it('are there again after a restart', async () => {
    await checkpoints.save(at(7));
    const found = await stored();
    expect(tickOf(found)).toBe(7);
    expect(found?.policyFiles).toEqual([{ name: 'lab.yaml', text: 'x' }]);
  });

  it('that come faster than the disk takes them are skipped, all but the newest', async () => {
    const saves = Array.from({ length: 200 }, (_, i) => checkpoints.save(at(i)));
    await Promise.all(saves);
    expect(tickOf(await stored())).toBe(199);
    expect(log.lines).toEqual([]);
  });

  it('are of what Envoys were sent at once, and of what was learned every five seconds', async () => {
    const files = [{ name: 'lab.yaml', text: 'x' }];
    const offer = (sec: number, sequence: number, policyFiles = files) => {
      const plan = { sequence } as Plan;
      checkpoints.offer({ state: { ...INITIAL_STATE, tick: sec, atMs: START_MS + sec * 1000, plan }, policyFiles });
    };
    const kept: (number | undefined)[] = [];
    const seen = async () => kept.push(tickOf(await stored()));
    for (const sec of [0, 1, 4]) offer(sec, 1);
    await seen();
    offer(5, 1);
    offer(6, 1);
    offer(7, 2);
    offer(8, 2);
    await seen();
    offer(9, 2);
    offer(10, 2, [...files]);
    offer(11, 2, files);
    for (let sec = 12; sec < 17; sec += 1) offer(sec, 2);
    await seen();
    expect(kept).toEqual([0, 7, 16]);
  });

  it('on their way are waited for when the server ends', async () => {
    void checkpoints.save(at(1));
    void checkpoints.save(at(2));
    expect(tickOf(await stored())).toBe(2);
  });

  it('that cannot be saved are told once, tried again, and told when it works again', async () => {
    // A folder in the place of the scratch file: also root cannot write there.
    const obstacle = join(folder, 'data', 'checkpoint.new');
    await checkpoints.save(at(1));
    mkdirSync(obstacle);
    for (let i = 2; i < 6; i++) await checkpoints.save(at(i));
    rmSync(obstacle, { recursive: true });
    await checkpoints.save(at(6));
    await checkpoints.save(at(7));
    expect(log.lines.map(([level, , message]) => `${level} ${message}`)).toEqual([
      'error checkpoint cannot be saved',
      'info checkpoints are saved again',
    ]);
    expect(tickOf(await stored())).toBe(7);
  });

  it('that are damaged are told, and the server starts without', async () => {
    await checkpoints.save(at(1));
    for (const name of readdirSync(join(folder, 'data')).filter((one) => one.startsWith('checkpoint'))) {
      writeFileSync(join(folder, 'data', name), 'rubbish');
    }
    expect(await stored()).toBeUndefined();
    expect(log.lines).toMatchObject([['warn', { detail: expect.stringContaining('header') }, 'checkpoint not usable']]);
  });

  it('belong to one server', async () => {
    const second = new Checkpoints(join(folder, 'data'), log);
    await expect(second.open()).rejects.toMatchObject({ code: 'LOADLINE_STORE' });
  });
});
