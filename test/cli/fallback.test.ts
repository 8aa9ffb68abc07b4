import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'loadline-fallback-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('loadline fallback', () => {
  it.each([
    ['no such file', () => join(folder, 'none.yaml'), 'none.yaml: ENOENT'],
    ['no YAML', () => file('bad.yaml', 'a: [b'), 'bad.yaml: '],
    ['a policy', () => file('policy.yaml', 'kind: SidecarGroup\n'), 'it has no cluster loadline_xds with an address'],
  ])('%s for a bootstrap is a mistake of usage', async (_what, path, words) => {
    const { code, err } = await run('fallback', '--bootstrap', path(), '--keep', join(folder, 'kept.json'));
    expect(code).toBe(2);
    expect(err).toContain(words);
  });

  it('says how to write the bootstrap when it has no fallback, and which file of it is missing', async () => {
    const plain = await run('bootstrap', '--group', 'lab', '--node-id', 'a');
    const kept = ['--keep', join(folder, 'kept.json')];
    const without = await run('fallback', '--bootstrap', file('plain.yaml', plain.out), ...kept);
    expect(without.err).toContain('expected a bootstrap as `loadline bootstrap --fallback ADDR` writes it');
    const tls = ['--tls-ca', 'ca.crt', '--tls-cert', 'a.crt', '--tls-key', 'a.key', '--out', folder];
    const beside = ['--fallback', `unix:${join(folder, 's')}`];
    expect((await run('bootstrap', '--group', 'lab', '--node-id', 'a', ...tls, ...beside)).code).toBe(0);
    rmSync(join(folder, 'server-ca.json'));
    const missing = await run('fallback', '--bootstrap', join(folder, 'envoy.yaml'), ...kept);
    expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('server-ca.json: ENOENT') });
  });
});
