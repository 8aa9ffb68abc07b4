import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { group, service, startWorld, type World } from '../edge/admin/policies/desk-world.ts';
import { until } from '../support/serve.ts';
import { type Ran, run, runWith } from './run.ts';

const ending: (() => unknown)[] = [];
let folder: string;
let world: World;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loadline-cli-'));
  ending.push(() => rmSync(folder, { recursive: true, force: true }));
  world = await startWorld(ending);
});

afterEach(async () => {
  delete process.env.EDITOR;
  for (const end of ending.splice(0).reverse()) await end();
});

const LAB = `# the lab\n${service('chat')}---\n${group('lab', ['chat'])}`;

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const on = (...argv: readonly string[]): Promise<Ran> => run(...argv, '--admin', world.server.address);

describe('validate --server', () => {
  it('checks files together with what the server has, and changes nothing', async () => {
    await on('apply', '-f', write('chat.yaml', service('chat')));
    const lab = write('lab.yaml', group('lab', ['chat']));
    expect((await run('validate', '-f', lab)).code).toBe(1);
    const { code, out, err } = await on('validate', '-f', lab, '--server');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^ok 1 file, revision [0-9a-f]{16}, together with what the server has; 0 warnings\n$/);
    expect((await world.store.status()).revision).toBe(1);
  });

  it('prints mistakes as it does offline, for people and for programs', async () => {
    const bad = write('bad.yaml', `# head\n${service('chat', '  timeuots: {}\n')}---\n${group('lab', ['caht'])}`);
    const [offline, asked] = [await run('validate', '-f', bad), await on('validate', '-f', bad, '--server')];
    expect(asked).toEqual(offline);
    expect(asked).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/\n2 errors in 1 file\n$/) });
    const values = await Promise.all([
      run('validate', '-f', bad, '-o', 'json'),
      on('validate', '-f', bad, '--server', '-o', 'json'),
    ]);
    for (const ran of values) {
      expect(ran).toMatchObject({ code: 1, err: '' });
      expect(JSON.parse(ran.out)).toMatchObject({
        ok: false,
        files: 1,
        issues: [{ code: 'POLICY_UNKNOWN_KEY', path: 'spec.timeuots', position: { line: 7, column: 3 } }, {}],
      });
    }
  });

  it('does not go with Envoys of this machine, and says where there is no server', async () => {
    const lab = write('lab.yaml', LAB);
    const both = await on('validate', '-f', lab, '--server', '--envoy');
    expect(both).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^error: --server asks the Envoys of the server/),
    });
    const none = await run('validate', '-f', lab, '--server', '--admin', '127.0.0.1:1');
    expect(none).toMatchObject({ code: 1, err: expect.stringMatching(/^error: nothing listens on 127\.0\.0\.1:1/) });
  });

  it('alone reads no profile: offline it works whatever stands there', async () => {
    const lab = write('lab.yaml', LAB);
    process.env.LOADLINE_CONFIG = write('profiles.yaml', 'profiles: [');
    try {
      expect((await run('validate', '-f', lab)).code).toBe(0);
      expect((await run('validate', '-f', lab, '--server')).code).toBe(2);
    } finally {
      delete process.env.LOADLINE_CONFIG;
    }
  });
});

describe('apply', () => {
  it('says as kubectl does what became of each document', async () => {
    const lab = write('lab.yaml', LAB);
    expect(await on('apply', '-f', lab)).toEqual({
      code: 0,
      out: 'modelservice/chat created\nsidecargroup/lab created\n',
      err: '',
    });
    write('lab.yaml', LAB.replace('spec:\n', 'spec:\n  timeouts: { request: 5m }\n'));
    expect((await on('apply', '-f', lab, '--dry-run')).out).toBe(
      'modelservice/chat configured (dry run)\nsidecargroup/lab unchanged (dry run)\n',
    );
    const { out } = await on('apply', '-f', folder, '--reason', 'longer answers', '--output', 'json');
    expect(JSON.parse(out)).toMatchObject({
      revision: 2,
      changes: [{ outcome: 'Configured' }, { outcome: 'Unchanged' }],
    });
  });

  it('prints mistakes as validate does, with the positions of the files', async () => {
    const bad = write('bad.yaml', `# head\n${service('chat', '  timeuots: {}\n')}---\n${group('lab', ['caht'])}`);
    const offline = await run('validate', '-f', bad);
    const { code, out, err } = await on('apply', '-f', bad);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    const errors = (text: string) => text.split('\n').filter((line) => line.startsWith('error '));
    expect(errors(err)).toEqual(errors(offline.err));
    expect(errors(err)[0]).toMatch(
      /^error \S*bad\.yaml:7:3 spec\.timeuots: unknown key.*Hint: did you mean timeouts\?$/,
    );
    expect(err).toMatch(/\n2 errors; nothing was changed\n$/);
  });

  it('reads standard input, once', async () => {
    const stdin = async () => LAB;
    const ran = await runWith({ stdin }, 'apply', '-f', '-', '--admin', world.server.address);
    expect(ran.out).toContain('modelservice/chat created');
    expect((await on('get')).out).toMatch(/modelservice\/chat +1 .* stdin:1\n/);
  });

  it('with a condition that does not hold changes nothing and says what is there', async () => {
    const lab = write('lab.yaml', LAB);
    await on('apply', '-f', lab, '--if-match', '0');
    const late = await on('apply', '-f', lab, '--if-match', '0');
    expect(late.code).toBe(1);
    expect(late.err).toMatch(
      /^error: the store is at revision 1: others have changed it meanwhile\nnothing was changed/,
    );
    expect((await on('apply', '-f', lab, '--if-match', 'ms/chat=7')).err).toMatch(
      /^error: ModelService\/chat is at revision 1, and not at 7\n/,
    );
  });

  it('is done once with an idempotency key', async () => {
    const lab = write('lab.yaml', LAB);
    const flags = ['apply', '-f', lab, '--idempotency-key', 'deploy-7'];
    await on(...flags);
    expect((await on(...flags)).out).toContain('modelservice/chat created (done before)\n');
  });

  it('of a file that is not there fails before anybody is asked', async () => {
    expect(await on('apply', '-f', join(folder, 'none.yaml'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('none.yaml cannot be read'),
    });
  });
});

describe('diff', () => {
  it('ends with 0 when nothing differs, 1 when something does, 2 when it failed', async () => {
    const lab = write('lab.yaml', LAB);
    await on('apply', '-f', lab);
    expect(await on('diff', '-f', lab)).toEqual({ code: 0, out: '', err: '' });
    write('lab.yaml', LAB.replace('port: 8000', 'port: 8001'));
    const { code, out } = await on('diff', '-f', lab);
    expect(code).toBe(1);
    expect(out).toContain('--- ModelService/chat (now)\n+++ ModelService/chat (new)\n@@ ');
    expect(out).toContain(
      '\n-          - { address: 10.0.0.1, port: 8000 }\n+          - { address: 10.0.0.1, port: 8001 }\n',
    );
    write('lab.yaml', LAB.replace('# the lab', '# our lab'));
    expect((await on('diff', '-f', lab)).out).toMatch(
      /The texts differ, and mean the same: Envoys get nothing new\.\n$/,
    );
    write('lab.yaml', LAB.replace('port: 8000', 'port: 0'));
    expect(await on('diff', '-f', lab)).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('lab.yaml:11:'),
    });
    expect((await on('diff', '-f', join(folder, 'none'))).code).toBe(2);
    expect((await run('diff', '-f', lab, '--admin', '127.0.0.1:1')).code).toBe(2);
  });

  it('is in colour on a terminal alone', async () => {
    const lab = write('lab.yaml', LAB);
    const flags = ['diff', '-f', lab, '--admin', world.server.address];
    expect((await runWith({ colour: true }, ...flags)).out).toContain('\u001b[32m+');
    expect((await run(...flags)).out).not.toContain('\u001b');
  });
});

describe('get', () => {
  it('gives the texts of the documents back as one file', async () => {
    const lab = write('lab.yaml', LAB);
    await on('apply', '-f', lab);
    expect((await on('get', '-o', 'yaml')).out).toBe(LAB);
    expect((await on('get', 'ms/chat', '-o', 'yaml')).out).toBe(`# the lab\n${service('chat')}`);
    const again = write('again.yaml', (await on('get', '-o', 'yaml')).out);
    expect((await on('apply', '-f', again)).out).toBe('modelservice/chat unchanged\nsidecargroup/lab unchanged\n');
  });

  it.each([
    [['modelservices'], 'modelservice/chat'],
    [['ms'], 'modelservice/chat'],
    [['ModelService', 'chat'], 'modelservice/chat'],
    [['sg/lab'], 'sidecargroup/lab'],
    [['sidecargroup'], 'sidecargroup/lab'],
  ])('%j shows %s', async (words, name) => {
    await on('apply', '-f', write('lab.yaml', LAB));
    const { out } = await on('get', ...words);
    expect(out.trimEnd().split('\n').slice(1)).toEqual([expect.stringMatching(`^${name} +1 `)]);
  });

  it('says that there is nothing, or no such document', async () => {
    expect(await on('get')).toEqual({ code: 0, out: '', err: 'There is no policy.\n' });
    expect(await on('get', 'ms/chat')).toEqual({ code: 1, out: '', err: 'error: there is no ModelService/chat\n' });
    expect(JSON.parse((await on('get', '-o', 'json')).out)).toMatchObject({ revision: 0, documents: [] });
  });

  it('goes on with each change until it is interrupted', async () => {
    await on('apply', '-f', write('lab.yaml', LAB));
    const shown: string[] = [];
    const io = { out: (text: string) => void shown.push(text), err: () => {}, colour: false };
    const ended = main(['get', 'ms', '--watch', '--admin', world.server.address], io);
    await until('what is there is shown', () => shown.join('').includes('modelservice/chat'));
    await on('delete', 'sg/lab', '--reason', 'not asked for');
    await on('apply', '-f', write('chat.yaml', service('chat', '  # two\n')), '--reason', 'a second');
    await until('the change is shown', () => shown.join('').includes('a second'));
    process.emit('SIGINT');
    expect(await ended).toBe(0);
    expect(shown.join('').trimEnd().split('\n').slice(2)).toEqual([
      '3  modelservice/chat written by development on loopback: a second',
    ]);
  });

  it('shows an earlier revision', async () => {
    await on('apply', '-f', write('lab.yaml', LAB));
    await on('apply', '-f', write('lab.yaml', LAB.replace('port: 8000', 'port: 8001')));
    expect((await on('get', 'ms/chat', '--at', '1', '-o', 'yaml')).out).toContain('port: 8000');
    expect((await on('get', 'ms/chat', '--at', '9')).err).toBe('error: revision 9 cannot be read: 0 to 2 are kept\n');
  });
});

describe('history, rollback and delete', () => {
  it('tell and undo a change', async () => {
    await on('apply', '-f', write('lab.yaml', LAB), '--reason', 'first');
    await on('apply', '-f', write('lab.yaml', LAB.replace('port: 8000', 'port: 8001')), '--reason', 'other\nport');
    const { out } = await on('history', 'ms/chat');
    expect(out).toMatch(
      /^REVISION +TIME +AUTHOR +OPERATION +NAME +REASON\n +2 +\S+ +development on loopback +Put +modelservice\/chat +other port\n +1 /,
    );
    expect((await on('rollback', 'ms/chat', '--to', '1', '--reason', 'undo')).out).toBe(
      'modelservice/chat configured\nthe store is at revision 3\n',
    );
    expect((await on('get', '-o', 'yaml')).out).toBe(LAB);
    expect((await on('delete', 'sg/lab', '--reason', 'moved')).out).toBe('sidecargroup/lab deleted\n');
    expect((await on('history', '--limit', '1')).out).toMatch(
      /Delete +sidecargroup\/lab +moved\nolder ones: --before 4\n$/,
    );
    expect(await on('delete', 'ms/chat', '--reason', 'all')).toMatchObject({ code: 1, out: '' });
  });
});

describe('edit', () => {
  /** An editor that does what `sed` says. */
  const editor = (script: string) => {
    process.env.EDITOR = `sed -i -e '${script}'`;
  };
  const keptFile = (err: string) => /your text is kept in (\S+)\n$/.exec(err)?.[1];

  it('shows what changes, asks, and applies it', async () => {
    await on('apply', '-f', write('lab.yaml', LAB));
    editor('s/8000/8001/');
    const asked: string[] = [];
    const ask = async (question: string) => asked.push(question) > 0;
    const ran = await runWith({ ask }, 'edit', 'ms/chat', '--reason', 'new port', '--admin', world.server.address);
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(asked).toEqual(['apply this to modelservice/chat?']);
    expect(ran.out).toMatch(/\n\+ +- \{ address: 10\.0\.0\.1, port: 8001 \}\nmodelservice\/chat configured\n$/);
    expect(await world.store.get({ kind: 'ModelService', name: 'chat' })).toMatchObject({
      revision: 2,
      reason: 'new port',
    });
  });

  it('keeps the text when the answer is no, when it is refused, and when others were faster', async () => {
    await on('apply', '-f', write('lab.yaml', LAB));
    editor('s/8000/8001/');
    const no = await runWith({ ask: async () => false }, 'edit', 'ms/chat', '--admin', world.server.address);
    expect(no.code).toBe(1);
    expect(readFileSync(keptFile(no.err) as string, 'utf8')).toContain('8001');
    editor('s/8000/99999/');
    const bad = await on('edit', 'ms/chat', '--yes');
    expect(bad.code).toBe(1);
    expect(bad.err).toMatch(/^error ModelService\/chat:11:\d+ spec\.pools\[0\]/);
    expect(readFileSync(keptFile(bad.err) as string, 'utf8')).toContain('99999');
    editor('s/8000/8002/');
    const overtaken = await runWith(
      {
        ask: async () => {
          await on('apply', '-f', write('lab.yaml', LAB.replace('8000', '8003')));
          return true;
        },
      },
      ...['edit', 'ms/chat', '--admin', world.server.address],
    );
    expect(overtaken.err).toMatch(/^error: ModelService\/chat is at revision 2, and not at 1\n/);
    const kept = [no, bad, overtaken].map(({ err }) => keptFile(err) as string);
    expect(kept.map((path) => existsSync(path))).toEqual([true, true, true]);
    for (const path of kept) rmSync(join(path, '..'), { recursive: true });
  });

  it('does nothing when the editor changes nothing, or another document', async () => {
    await on('apply', '-f', write('lab.yaml', LAB));
    editor('');
    expect(await on('edit', 'ms/chat', '--yes')).toEqual({
      code: 0,
      out: 'nothing was changed in the editor\n',
      err: '',
    });
    editor('s/name: chat/name: other/');
    const other = await on('edit', 'ms/chat', '--yes');
    expect(other.err).toMatch(/^expected modelservice\/chat alone in the text/);
    rmSync(join(keptFile(other.err) as string, '..'), { recursive: true });
    expect((await on('get', 'ms')).out).not.toContain('other');
  });

  it('asks nobody where nobody is: --yes is needed', async () => {
    expect(await on('edit', 'ms/chat')).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
  });
});
