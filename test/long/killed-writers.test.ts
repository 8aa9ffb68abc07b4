import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { killWriters } from '../edge/store/embedded/killed-writer.ts';
import { cleanUp, newFolder } from '../edge/store/embedded/stores.ts';

cleanUp();

describe.runIf(process.env.LOADLINE_TEST_LONG === '1')('a writer that is killed 1,000 times (SIGKILL)', () => {
  it('loses no acknowledged write, tears none, and leaves a whole trail', async () => {
    const lanes = await Promise.all([3, 4].map((seed) => killWriters(newFolder(tmpdir()), 500, seed)));
    process.stdout.write(`killed writers: ${JSON.stringify(lanes)}\n`);
    for (const { acknowledged, unanswered } of lanes) {
      expect(acknowledged).toBeGreaterThan(1000);
      expect(unanswered).toBeGreaterThan(500);
    }
  }, 3_600_000);
});
