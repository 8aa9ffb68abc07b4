import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { killWriters } from './killed-writer.ts';
import { cleanUp, newFolder } from './stores.ts';

cleanUp();

describe('a writer that is killed 50 times (SIGKILL)', () => {
  it('loses no acknowledged write, tears none, and leaves a whole trail', async () => {
    const lanes = await Promise.all([1, 2].map((seed) => killWriters(newFolder(tmpdir()), 25, seed)));
    for (const { acknowledged, unanswered } of lanes) {
      expect(acknowledged).toBeGreaterThan(50);
      expect(unanswered).toBeGreaterThan(25);
    }
  }, 120_000);
});
