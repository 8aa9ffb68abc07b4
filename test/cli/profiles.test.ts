import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildProgram } from '../../src/cli/main.ts';
import { parseProfiles } from '../../src/cli/profiles/parse-profiles.ts';
import { useProfile } from '../../src/cli/profiles/use-profile.ts';
import { addTlsFlags } from '../../src/cli/tls-flags.ts';
import { freePort } from '../support/free-port.ts';
import { run } from './run.ts';

const TWO = `current: lab
profiles:
  lab: { admin: 127.0.0.1:18001 }
  prod:
    admin: loadline.example:18001
    tlsCa: ca.crt
    tlsCert: ~/certs/me.crt
    tlsKey: /etc/me.key
    tlsServerName: spiffe://m/server
    tokenFile: token
`;

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadline-profiles-'));
  file = join(folder, 'config.yaml');
  writeFileSync(file, TWO);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** What a command with these flags runs with. */
function optionsOf(argv: readonly string[], env: Readonly<Record<string, string>> = { LOADLINE_CONFIG: file }) {
  const command = addTlsFlags(new Command('status').option('--admin <ADDR>', 'address', 'default:1')).exitOverride();
  command.action(() => useProfile(command, env)).parse(argv, { from: 'user' });
  return command.opts();
}

describe('a profile', () => {
  it('gives address and certificates, from beside its file, from home, or from where it says', () => {
    expect(optionsOf(['--profile', 'prod'])).toEqual({
      profile: 'prod',
      admin: 'loadline.example:18001',
      tlsCa: join(folder, 'ca.crt'),
      tlsCert: join(homedir(), 'certs/me.crt'),
      tlsKey: '/etc/me.key',
      tlsServerName: 'spiffe://m/server',
      tokenFile: join(folder, 'token'),
    });
  });

  it('is the current one where none is named', () => {
    expect(optionsOf([])).toEqual({ admin: '127.0.0.1:18001' });
    expect(optionsOf(['--profile', ''])).toEqual({ profile: '', admin: 'default:1' });
    writeFileSync(file, 'profiles: { lab: { admin: lab:1 } }');
    expect(optionsOf([])).toEqual({ admin: 'default:1' });
  });

  it('gives way to flags and to variables, one by one', () => {
    vi.stubEnv('LOADLINE_TLS_KEY', '/run/key');
    vi.stubEnv('LOADLINE_PROFILE', 'prod');
    expect(optionsOf(['--admin', 'other:1', '--tls-ca', 'mine.crt'])).toMatchObject({
      admin: 'other:1',
      tlsCa: 'mine.crt',
      tlsKey: '/run/key',
      tlsCert: join(homedir(), 'certs/me.crt'),
    });
    expect(optionsOf(['--profile', 'lab'])).toMatchObject({ admin: '127.0.0.1:18001' });
  });

  it('also gives way where a flag says what the default is', () => {
    expect(optionsOf(['--admin', 'default:1'])).toEqual({ admin: 'default:1' });
  });

  it('is for every command that is a client, also for the agent, whose flag is called otherwise', () => {
    const program = buildProgram({ out: () => {}, err: () => {}, colour: false }, () => {});
    const all = program.commands.flatMap((one) => [one, ...one.commands]);
    const flags = (command: Command) => command.options.map(({ long }) => long);
    const clients = all.filter((one) => flags(one).includes('--token-file'));
    expect(clients.length).toBeGreaterThan(15);
    for (const one of clients) expect(flags(one), one.name()).toContain('--profile');
    const agent = addTlsFlags(new Command('agent').option('--server <ADDR>', 'address', 'default:1'));
    agent.parse(['--profile', 'lab'], { from: 'user' });
    useProfile(agent, { LOADLINE_CONFIG: file });
    expect(agent.opts()).toMatchObject({ server: '127.0.0.1:18001' });
    expect(agent.opts()).not.toHaveProperty('admin');
  });

  it('is looked for where XDG says, and need not be there', () => {
    expect(optionsOf([], { XDG_CONFIG_HOME: folder })).toEqual({ admin: 'default:1' });
    expect(optionsOf([], { LOADLINE_CONFIG: '' })).toEqual({ admin: 'default:1' });
  });

  it.each([
    [['--profile', 'stage'], {}, /--profile stage: .*config\.yaml has no such profile; there are: lab, prod$/],
    [['--profile', 'lab'], { LOADLINE_CONFIG: '' }, /LOADLINE_CONFIG names no file$/],
    [
      ['--profile', 'lab'],
      { LOADLINE_CONFIG: undefined, XDG_CONFIG_HOME: '/nowhere' },
      /there is no file \/nowhere\/loadline\/config\.yaml$/,
    ],
    [[], { LOADLINE_CONFIG: '/nowhere/c.yaml' }, /^\/nowhere\/c\.yaml: the file of profiles cannot be read \(ENOENT\)/],
  ])('%j with %j is a clear error', (argv, env, words) => {
    const all = Object.fromEntries(
      Object.entries({ LOADLINE_CONFIG: file, ...env }).filter(([, value]) => value !== undefined),
    );
    expect(() => optionsOf(argv, all as Record<string, string>)).toThrow(words);
  });

  it('reaches a real command line: the address of the profile is dialled', async () => {
    const port = await freePort();
    writeFileSync(file, `current: here\nprofiles: { here: { admin: "127.0.0.1:${port}" } }\n`);
    vi.stubEnv('LOADLINE_CONFIG', file);
    expect(await run('status')).toMatchObject({
      code: 1,
      err: expect.stringContaining(`nothing listens on 127.0.0.1:${port}`),
    });
    expect(await run('rollout', 'status')).toMatchObject({
      code: 1,
      err: expect.stringContaining(`127.0.0.1:${port}`),
    });
    writeFileSync(file, 'profils: {}\n');
    expect(await run('status')).toEqual({
      code: 2,
      out: '',
      err: `error: ${file}:1:1 unknown key; expected one of current, profiles (a profile has the paths of files, and never a secret itself)\n`,
    });
    expect((await run('version')).code).toBe(0);
    const other = await run('simulate', '-f', 'x.yaml', '--profile', '/nowhere/fleet.yaml');
    expect(other.err).not.toContain(file);
  });
});

describe('the file of profiles', () => {
  const issuesOf = (text: string) => {
    const read = parseProfiles('c.yaml', text);
    return read.ok
      ? []
      : read.issues.map(({ position, path, message }) => `${position?.line}:${position?.column} ${path}: ${message}`);
  };

  it.each([
    ['', []],
    ['profiles:\n', []],
    ['profiles: { a: }\n', []],
    ['[]', ['1:1 : expected a mapping of current, profiles']],
    ['current: b\nprofiles: { a: {} }', ['1:10 current: there is no such profile; there are: a']],
    ['current: b', ['1:10 current: there is no such profile; there are: none']],
    [
      'profiles:\n  a:\n    token: s3cret',
      ['3:5 profiles.a: unknown key; expected one of admin, tlsCa, tlsCert, tlsKey, tlsServerName, tokenFile'],
    ],
    ['profiles: { a: { admin: 5 } }', ['1:25 profiles.a.admin: expected a text of one line']],
    ['profiles: { a: { admin: nowhere } }', ['1:25 profiles.a.admin: expected HOST:PORT or unix:PATH']],
    ['profiles: { "a b": {} }', ['1:13 profiles: a name has letters, digits, ., _ and -, at most 63']],
    ['profiles: { a: {}, a: {} }', ['1:20 : Map keys must be unique at line 1, column 20:']],
    ['profiles: { a: { tlsCa: &x f, tlsCert: *x } }', ['1:40 profiles.a.tlsCert: expected a text of one line']],
  ])('%j: %j', (text, expected) => {
    expect(issuesOf(text)).toEqual(expected);
  });

  it('takes no secret, and repeats none', () => {
    const key = '-----BEGIN PRIVATE KEY-----\n      c2VjcmV0\n';
    const text = `profiles:\n  a:\n    tlsKey: |\n      ${key}\n    token: hunter2\n`;
    const read = parseProfiles('c.yaml', text);
    expect(issuesOf(text)).toHaveLength(2);
    expect(JSON.stringify(read)).not.toMatch(/c2VjcmV0|hunter2|BEGIN/);
  });

  it('answers any text with values or with places, and never throws', () => {
    const piece = fc.constantFrom(
      'current',
      'profiles',
      ':',
      ' ',
      '\n',
      '{',
      '}',
      '&a',
      '*a',
      '- ',
      'admin',
      '"',
      "'",
      '!!',
      '<<',
      '\t',
      'x',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 30 }).map((all) => all.join('')),
        ),
        (text) => {
          const read = parseProfiles('c.yaml', text);
          if (read.ok) return;
          expect(read.issues.length).toBeGreaterThan(0);
          for (const { position } of read.issues) expect(position?.line).toBeGreaterThan(0);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('refuses a file that is too large unread', () => {
    expect(issuesOf(`#${'x'.repeat(70_000)}`)[0]).toContain('more than 65536');
  });
});
