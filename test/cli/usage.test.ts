import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../src/cli/main.ts';
import { run } from './run.ts';

const commands: readonly Command[] = buildProgram({ out: () => {}, err: () => {}, colour: false }, () => {}).commands;
const NAMES = [
  'serve',
  'bootstrap',
  'fallback',
  'certs',
  'agent',
  'validate',
  'schema',
  'apply',
  'diff',
  'get',
  'edit',
  'delete',
  'history',
  'rollback',
  'rollout',
  'status',
  'top',
  'explain',
  'proxy-config',
  'events',
  'audit',
  'drain',
  'failover',
  'shed',
  'freeze',
  'unfreeze',
  'operations',
  'probe',
  'simulate',
  'replay',
  'modelserver',
  'completion',
  'version',
];

describe('loadline', () => {
  it('has the commands that it has', () => {
    expect(commands.map((command) => command.name())).toEqual(NAMES);
  });

  it('explains itself: --help and help print the commands and succeed', async () => {
    for (const argv of [['--help'], ['help'], ['-h']]) {
      const { code, out, err } = await run(...argv);
      expect({ code, err }, argv.join()).toEqual({ code: 0, err: '' });
      for (const command of commands) expect(out).toContain(command.description().slice(0, 30));
    }
  });

  it('without a command prints the same to standard error and calls it a mistake', async () => {
    const { code, out, err } = await run();
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toBe((await run('--help')).out);
  });

  it.each([
    [['valdiate'], "error: unknown command 'valdiate'\n(Did you mean validate?)"],
    [['xyz'], "error: unknown command 'xyz'"],
    [['--foo'], "error: unknown option '--foo'"],
    [['help', 'xyz'], 'Usage: loadline'],
    [['status', '--outptu', 'json'], "error: unknown option '--outptu'\n(Did you mean --output?)"],
    [
      ['status', '--output', 'xml'],
      "error: option '-o, --output <FORMAT>' argument 'xml' is invalid. Allowed choices are table, yaml, json.",
    ],
    [['version', 'extra'], "error: too many arguments for 'version'."],
    [['explain'], "error: missing required argument 'SERVICE[/POOL[/ENDPOINT]]'"],
    [['proxy-config'], 'error: expected the id of a sidecar, or --group NAME'],
    [
      ['proxy-config', 'a', '--type', 'xds'],
      "error: option '--type <TYPE>' argument 'xds' is invalid. Allowed choices are cds, eds, sds, rtds, ecds, lds, rds.",
    ],
    [['replay'], "error: missing required argument 'FILE'"],
    [['audit'], 'Usage: loadline audit'],
    [['audit', 'verfy'], "error: unknown command 'verfy'\n(Did you mean verify?)"],
    [['audit', 'list', '--limit', '0'], "argument '0' is invalid. expected 1 or more."],
    [['apply'], "error: required option '-f, --file <PATH...>' not specified"],
    [['rollback', '--to', '3'], "error: required option '--reason <TEXT>' not specified"],
    [['delete', '--reason', 'x'], "error: missing required argument 'KIND/NAME'"],
    [['get', 'pods'], 'error: pods: no kind is called so; kinds: modelservices (ms)'],
    [['edit', 'chat'], 'error: chat: expected KIND/NAME, such as modelservice/chat'],
    [['apply', '-f', 'x', '--if-match', 'chat=1'], 'expected a revision, or KIND/NAME=REVISION.'],
    [['validate'], "error: required option '-f, --file <PATH...>' not specified"],
    [['validate', '-f'], "error: option '-f, --file <PATH...>' argument missing"],
    [['bootstrap', '--group', 'lab'], "error: required option '--node-id <ID>' not specified"],
    [
      ['modelserver', '--count', '-1'],
      "error: option '--count <N>' argument '-1' is invalid. expected a whole number.",
    ],
    [['modelserver', '--port', '1.5'], "error: option '--port <PORT>' argument '1.5' is invalid."],
  ])('%j is a mistake of usage: exit code 2, the reason and nothing on standard output', async (argv, reason) => {
    const { code, out, err } = await run(...argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(reason);
  });

  it('prints its version, by command and by flag', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const expected = { code: 0, out: `loadline ${version} (node ${process.versions.node})\n`, err: '' };
    expect(await run('version')).toEqual(expected);
    expect(await run('--version')).toEqual(expected);
    const { out } = await run('version', '-o', 'json');
    expect(JSON.parse(out)).toEqual({ version, node: process.versions.node });
  });
});

describe('the help of each command', () => {
  it.each(NAMES)('%s: what it does, every flag with words, and an example', async (name) => {
    const { code, out, err } = await run(name, '--help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const command = commands.find((one) => one.name() === name) as Command;
    expect(out).toContain(`Usage: loadline ${name}`);
    for (const option of command.options) {
      expect(out, option.flags).toContain(option.flags);
      expect(option.description.length, option.flags).toBeGreaterThan(3);
    }
    if (name !== 'version') expect(out).toMatch(new RegExp(`\\nExamples?:\\n {2}loadline ${name}`));
  });

  /** Commands that print no value, and why. */
  const WITHOUT_FORMATS: Readonly<Record<string, string>> = {
    serve: 'runs, and logs',
    agent: 'runs, and logs',
    fallback: 'runs, and logs',
    modelserver: 'runs, and logs',
    schema: 'prints a JSON Schema',
    bootstrap: 'prints the bootstrap of an Envoy, as YAML or JSON',
    completion: 'prints a script',
    edit: 'talks with a person',
    top: 'draws on a screen; status prints the same',
  };

  it('offers the formats table, yaml and json wherever a value is printed, and by the same two flags', () => {
    const all = commands.flatMap((one) => (one.commands.length === 0 ? [one] : one.commands));
    expect(all.length).toBeGreaterThan(35);
    const without = all.filter((command) => {
      const output = command.options.find(({ long }) => long === '--output');
      if (output === undefined || command.name() === 'bootstrap') return true;
      expect(output, command.name()).toMatchObject({
        short: '-o',
        argChoices: ['table', 'yaml', 'json'],
        defaultValue: 'table',
      });
      return false;
    });
    expect(without.map((one) => one.name()).sort()).toEqual(Object.keys(WITHOUT_FORMATS).sort());
  });
});
