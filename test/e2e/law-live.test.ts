import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

type Lane = {
  readonly outcome: { readonly goodput: number; readonly pushesPerMin: number };
  readonly failures: Readonly<Record<string, number>>;
};
type Told = readonly { readonly pairs: readonly { readonly lanes: { leastRequest: Lane; loadline: Lane } }[] }[];

const LONG = process.env.LOADLINE_TEST_LONG === '1';
if (!LONG)
  process.stdout.write('skipped: a fleet of equals on real Envoys: set LOADLINE_TEST_LONG=1 (npm run test:long)\n');

const ROOT = join(import.meta.dirname, '../..');

/**
 * The law on real Envoys in a minute each: the two ends of what it is for, one of them every day. The whole matrix, with its bounds, is
 * `npm run e2e:shift`.
 */
describe('the law on real Envoys', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'loadline-law-live-'));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  /** The command's own verdict is for whole runs: only that it came to its end counts here. */
  async function shortRun(scenario: string): Promise<{ readonly ours: Lane; readonly theirs: Lane }> {
    const json = join(folder, 'told.json');
    const command = ['--import', 'tsx', 'bench/shift/main.ts', '--short', '--scenario', scenario, '--json', json];
    await promisify(execFile)(process.execPath, command, { cwd: ROOT, timeout: 140_000 }).catch(
      (error: Error & { readonly code?: unknown; readonly stderr?: string }) => {
        if (error.code !== 1) throw error;
      },
    );
    const [told] = JSON.parse(await readFile(json, 'utf8')) as Told;
    const lanes = told?.pairs[0]?.lanes;
    if (lanes === undefined) throw new Error(`${scenario} told nothing`);
    return { ours: lanes.loadline, theirs: lanes.leastRequest };
  }

  it('serves a fleet of unequal batch widths, of which least request alone overfills the narrow half', async () => {
    const { ours, theirs } = await shortRun('live widths M4');
    expect(ours.failures).toEqual({});
    expect(ours.outcome.goodput).toBeGreaterThan(0.95);
    expect(ours.outcome.goodput - theirs.outcome.goodput).toBeGreaterThan(0.1);
  }, 150_000);

  it.skipIf(!LONG)(
    'leaves a fleet of equals alone',
    async () => {
      const { ours, theirs } = await shortRun('live homogeneous M4');
      expect(ours.failures).toEqual({});
      expect(ours.outcome.pushesPerMin).toBeLessThanOrEqual(2);
      expect(ours.outcome.goodput - theirs.outcome.goodput).toBeGreaterThan(-0.05);
    },
    150_000,
  );
});
