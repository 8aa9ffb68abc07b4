import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { group, service } from '../core/policy/load.ts';
import { FakePrograms } from '../edge/envoy/fake-programs.ts';
import { run } from './run.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadline-validate-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('validate', () => {
  it('says of a good policy what it holds', async () => {
    const { code, out, err } = await run('validate', '-f', 'docs/examples/lab.yaml');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      /^ok 1 file, revision [0-9a-f]{16}: groups lab; services chat; 8 static endpoints; 0 warnings\n$/,
    );
  });

  it('takes several files and folders as one policy', async () => {
    const one = write('group.yaml', group('[chat]'));
    const two = write('service.yaml', service());
    const together = await run('validate', '-f', one, two);
    expect(together).toMatchObject({ code: 0, err: '' });
    expect(together.out).toContain('2 files');
    for (const argv of [
      ['-f', folder],
      ['-f', one, '-f', two],
      ['--file', two, one],
    ]) {
      expect((await run('validate', ...argv)).out, argv.join()).toBe(together.out);
    }
    expect((await run('validate', '-f', one)).err).toContain('chat');
  });

  it('points at each mistake by file, line and column, all at once', async () => {
    const path = write('bad.yaml', `${group('[chat]')}---\n${service(['timeouts: { request: 5 }', 'hostnamse: [x]'])}`);
    const { code, out, err } = await run('validate', '-f', path);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    const places = [...err.matchAll(/^error (.+?):(\d+):(\d+)/gm)].map(([, file, line, column]) => [
      file,
      Number(line),
      Number(column),
    ]);
    // Lines of the second document: its sixth is the time-out, whose value stands in column 24.
    expect(places).toEqual([
      [path, 13, 24],
      [path, 14, 3],
    ]);
    expect(err).toContain('hostnames');
    expect(err).toMatch(/2 errors in 1 file\n$/);
  });

  it('reads what is not YAML as one mistake with a place', async () => {
    const path = write('broken.yaml', 'kind: ModelService\nspec: [1,\n');
    const { code, err } = await run('validate', '-f', path);
    expect(code).toBe(1);
    expect(err).toMatch(new RegExp(`error ${path}:[23]:\\d+`));
    expect(err).toMatch(/1 error in 1 file\n$/);
  });

  it('warns and succeeds where a thing is accepted, not enforced', async () => {
    const pools = 'pools: [{ name: gpu, endpoints: { dns: { name: chat.svc, port: 80 } } }]';
    const path = write('dns.yaml', `${group('[chat]')}---\n${service([], 'chat', pools)}`);
    const { code, out, err } = await run('validate', '-f', path);
    expect(code).toBe(0);
    expect(out).toContain('1 warning\n');
    expect(err).toMatch(new RegExp(`^warning ${path}:\\d+:\\d+`));
  });

  it('fails in words when there is nothing to read', async () => {
    for (const [path, words] of [
      [join(folder, 'none.yaml'), 'none.yaml cannot be read: ENOENT'],
      [folder, `no *.yaml or *.yml file in ${folder}`],
    ] as const) {
      const { code, out, err } = await run('validate', '-f', path);
      expect({ code, out }, path).toEqual({ code: 1, out: '' });
      expect(err).toMatch(/^error: /);
      expect(err).toContain(words);
    }
  });

  it('lets Envoys judge, where that is asked for, and fails without a verdict', async () => {
    const fakes = new FakePrograms();
    try {
      const body = (version: string, refuses: boolean): string =>
        `if (process.argv[2] === '--version') console.log('envoy  version: 0123abcd/${version}/Clean');
        else if (${refuses}) { process.stderr.write("route: unknown cluster 'chat'"); process.exit(1); }`;
      const good = fakes.program('good', body('1.40.0', false));
      const bad = fakes.program('bad', body('1.36.4', true));
      const taken = await run('validate', '-f', 'docs/examples/lab.yaml', '--envoy', good);
      expect(taken.code).toBe(0);
      expect(taken.out).toMatch(
        /Envoy takes the configuration\n {2}group lab, for Envoys 1\.40: taken by Envoy 1\.40\.0\n$/,
      );
      const refused = await run('validate', '-f', 'docs/examples/lab.yaml', '--envoy', good, bad);
      expect(refused.code).toBe(1);
      expect(refused.out).toContain("cluster chat: route: unknown cluster 'chat'  (docs/examples/lab.yaml:10:1)");
      const silent = await run('validate', '-f', 'docs/examples/lab.yaml', '--envoy', '/nowhere/envoy');
      expect(silent.code).toBe(1);
      expect(silent.out).toContain('/nowhere/envoy: does not exist');
    } finally {
      fakes.remove();
    }
  });
});
