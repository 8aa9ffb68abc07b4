import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadlineCommands, usageMistake } from '../docs/command-lines.ts';
import { run } from './run.ts';

let folder: string;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'loadline-certs-')), 'certs');
});

afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

describe('certs dev', () => {
  it('writes certificates and says which is whose, and what to run next', async () => {
    const { code, out, err } = await run('certs', 'dev', '--out', folder, '--sidecar', 'a', '--sidecar', 'b');
    expect(code).toBe(0);
    expect(out.trimEnd().split('\n')).toEqual([
      join(folder, 'ca.crt'),
      `${join(folder, 'server.crt')}  spiffe://loadline.test/server`,
      `${join(folder, 'sidecar-a.crt')}  spiffe://loadline.test/sidecar/a`,
      `${join(folder, 'sidecar-b.crt')}  spiffe://loadline.test/sidecar/b`,
      `${join(folder, 'admin.crt')}  spiffe://loadline.test/admin`,
    ]);
    expect(readdirSync(folder)).toHaveLength(10);
    expect(err).toContain('identities: ["spiffe://loadline.test/sidecar/*"]');
    const next = loadlineCommands(err);
    expect(next.map(([command]) => command)).toEqual(['serve', 'bootstrap', 'status']);
    for (const argv of next) {
      expect(await usageMistake(argv)).toBeUndefined();
      for (const path of argv.filter((word) => word.startsWith(folder))) expect(existsSync(path), path).toBe(true);
    }
  });

  it('never prints a key', async () => {
    const { out, err } = await run('certs', 'dev', '--out', folder);
    expect(out + err).not.toMatch(/PRIVATE KEY|BEGIN/);
  });

  it('replaces nothing by itself', async () => {
    await run('certs', 'dev', '--out', folder);
    const again = await run('certs', 'dev', '--out', folder);
    expect(again).toMatchObject({ code: 1, out: '' });
    expect(again.err).toContain('is there already; --force replaces it');
    expect((await run('certs', 'dev', '--out', folder, '--force')).code).toBe(0);
  });

  it.each([
    [['--trust-domain', 'Mesh'], '--trust-domain Mesh: expected a name in lower case'],
    [['--sidecar', '../x'], '--sidecar ../x: expected a name'],
    [['--host', 'a b'], '--host a b: expected a DNS name'],
    [['--days', '400'], '--days 400: at most 365'],
    [['--days', '0'], 'expected 1 or more'],
  ])('%j is a mistake of usage and writes nothing', async (argv, words) => {
    const { code, out, err } = await run('certs', 'dev', '--out', folder, ...argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(words);
    expect(existsSync(folder)).toBe(false);
  });
});
