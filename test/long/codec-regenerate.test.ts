import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

const COMMITTED = resolve(import.meta.dirname, '../../proto/envoy');
const SET = 'envoy-v1.40.0.binpb.gz';

const skipped = reasonToSkip();
if (skipped !== undefined) process.stdout.write(`skipped: regeneration of proto/envoy: ${skipped}\n`);

describe.skipIf(skipped !== undefined)('the generator of proto/envoy', () => {
  it('makes what is committed', { timeout: 900_000 }, () => {
    const out = mkdtempSync(join(tmpdir(), 'loadline-generate-'));
    try {
      const run = spawnSync('go', ['run', '.', '-out', out], { cwd: join(COMMITTED, 'generate'), encoding: 'utf8' });
      expect(run.stderr).not.toContain('exit status');
      expect(run.status).toBe(0);
      for (const file of ['descriptor.json', 'fields-since.json']) {
        expect(readFileSync(join(out, file), 'utf8')).toBe(readFileSync(join(COMMITTED, file), 'utf8'));
      }
      const [made, committed] = [out, COMMITTED].map((folder) => gunzipSync(readFileSync(join(folder, SET))));
      expect(made?.equals(committed as Buffer)).toBe(true);
    } finally {
      rmSync(out, { recursive: true });
    }
  });
});

function reasonToSkip(): string | undefined {
  if (process.env.LOADLINE_TEST_LONG !== '1') return 'set LOADLINE_TEST_LONG=1 (npm run test:long)';
  return spawnSync('go', ['version']).status === 0 ? undefined : 'it needs Go, and there is no `go` on PATH';
}
