import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { PLACEHOLDERS } from '../../../src/cli/completion/candidates.ts';
import { completeLine } from '../../../src/cli/completion/complete-line.ts';
import { buildProgram } from '../../../src/cli/main.ts';

const program = buildProgram({ out: () => {}, err: () => {}, colour: false }, () => {});

/** The candidates of the tree, and what else is to be asked for. */
function offered(...words: readonly string[]): { readonly words: readonly string[]; readonly more: string } {
  const { candidates, more } = completeLine(program, words);
  return { words: candidates.map(({ word }) => word), more: more.kind === 'Live' ? more.live : more.kind };
}

const commandsOf = (command: Command): readonly Command[] =>
  command.commands.flatMap((one) => [one, ...commandsOf(one)]);

describe('completing a line', () => {
  it('offers commands and what is below them', () => {
    expect(offered('').words).toEqual([...program.commands.map((one) => one.name()), 'help']);
    expect(offered('roll').words).toEqual(['rollback', 'rollout']);
    expect(offered('operations', '').words).toEqual(['list', 'cancel']);
    expect(offered('nonsense', '').words).toEqual([]);
  });

  it('offers the flags of a command, and of no other', () => {
    expect(offered('explain', 'chat', '--wa').words).toEqual(['--watch']);
    expect(offered('version', '--').words).toContain('--help');
    expect(offered('version', '--wa').words).toEqual([]);
    expect(offered('operations', 'list', '--al').words).toEqual(['--all']);
  });

  it.each([
    [
      ['status', '--output', ''],
      ['table', 'yaml', 'json'],
    ],
    [['explain', '-o', 'j'], ['json']],
    [['status', '--output=y'], ['--output=yaml']],
    [
      ['proxy-config', 'a', '--type', 'e'],
      ['eds', 'ecds'],
    ],
    [
      ['serve', '--validate', ''],
      ['Require', 'Prefer', 'Disabled'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    // Several values, until the next flag.
    [['simulate', '--arm', 'Oracle', 'R'], ['RoundRobin']],
    [['simulate', '--arm', 'Oracle', '--outp'], ['--output']],
    // Behind the end of the flags everything is an operand.
    [['status', '--', '--out'], []],
  ])('%j: the values that are possible', (line, words) => {
    expect(offered(...line).words).toEqual(words);
  });

  it.each([
    [['explain', ''], 'Targets'],
    [['explain', '--admin', '127.0.0.1:1', ''], 'Targets'],
    [['explain', '--admin', ''], 'None'],
    [['explain', 'chat', ''], 'None'],
    [['probe', ''], 'Endpoints'],
    [['drain', '--reason', 'a b', ''], 'Targets'],
    [['freeze', ''], 'Services'],
    [['shed', 'chat', ''], 'None'],
    [['failover', 'chat', '--from', ''], 'Pools'],
    [['proxy-config', ''], 'Nodes'],
    [['proxy-config', '--group', ''], 'Groups'],
    [['operations', 'cancel', ''], 'Operations'],
    [['get', ''], 'Documents'],
    [['get', 'modelservice/chat', ''], 'Documents'],
    [['events', '--kind', 'Nack', ''], 'EventKinds'],
    [['events', '--for', ''], 'Targets'],
    [['drain', 'chat', '--for', ''], 'None'],
    [['status', '--profile', ''], 'Profiles'],
    [['status', '--profile='], 'Profiles'],
    [['simulate', '--profile', ''], 'Files'],
    [['apply', '-f', ''], 'Files'],
    [['apply', '-f', 'a.yaml', ''], 'Files'],
    [['replay', ''], 'Files'],
    [['status', '--tls-ca', ''], 'Files'],
    [['certs', 'dev', '--out', ''], 'Directories'],
    [['validate', '--envoy', ''], 'Files'],
  ])('%j asks for %s', (line, more) => {
    expect(offered(...line).more).toBe(more);
  });

  it('knows what each value is that a command takes, and no other', () => {
    const placeholders = commandsOf(program).flatMap((command) => [
      ...command.registeredArguments.filter(({ argChoices }) => argChoices === undefined).map((one) => one.name()),
      ...command.options
        .filter(({ argChoices }) => argChoices === undefined)
        .flatMap(({ flags }) => /[<[](.+?)(?:\.\.\.)?[\]>]$/.exec(flags)?.[1] ?? []),
    ]);
    expect(new Set(placeholders).size).toBeGreaterThan(20);
    expect([...new Set(placeholders)].sort()).toEqual(Object.keys(PLACEHOLDERS).sort());
  });
});
