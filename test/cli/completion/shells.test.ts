import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCRIPTS, type Shell } from '../../../src/cli/completion/scripts.ts';
import { run } from '../run.ts';

/** Lines whose last word is completed, as readline breaks them: at = and : as well. */
const LINES: readonly (readonly string[])[] = [
  ['roll'],
  ['status', '--output', '=', 'j'],
  ['status', '--output', '='],
  ['status', '--admin', '127.0.0.1', ':', '18001', '--outp'],
  ['certs', 'dev', '--out', 'cl'],
  ['apply', '-f', 'nothing-is-called-so'],
  ['top', '--admin', '127.0.0.1', ':', '1', '$(touch evaluated)', ''],
];
let folder: string;

/**
 * Each script as a file; and on the path a `loadline` that has the answers of the real one, from this process: seven more would
 * take seconds. What it was never asked it does not know.
 */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loadline-completion-'));
  for (const [shell, script] of Object.entries(SCRIPTS)) writeFileSync(join(folder, `loadline.${shell}`), script);
  const whole = [...LINES.map((line) => joined(line)), ['status', '--output=j']];
  const answers = await Promise.all(
    whole.map(async (words) => {
      const argv = ['__complete', '--', ...words];
      return `${argv.map((word) => `'${word}'`).join(':')}) printf '%s' '${(await run(...argv)).out.replaceAll("'", "'\\''")}' ;;`;
    }),
  );
  const asked = `key=''; for word in "$@"; do key="$key\${key:+:}$word"; done`;
  const program = `#!/bin/sh\n${asked}\ncase $key in\n${answers.join('\n')}\n*) echo "not foreseen: $key" >&2; exit 3 ;;\nesac\n`;
  writeFileSync(join(folder, 'loadline'), program, { mode: 0o755 });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As the shell had them before readline broke them. */
function joined(words: readonly string[]): readonly string[] {
  return words.reduce<string[]>((before, word) => {
    const last = before.at(-1);
    if (last !== undefined && (/^[=:]/.test(word) || /[=:]$/.test(last))) before[before.length - 1] = last + word;
    else before.push(word);
    return before;
  }, []);
}

function has(shell: Shell): boolean {
  return spawnSync(shell, ['--version'], { stdio: 'ignore' }).status === 0;
}

function ran(shell: Shell, ...argv: readonly string[]): string {
  const env = { ...process.env, HOME: folder, PATH: `${folder}:${process.env.PATH}` };
  return execFileSync(shell, argv, { encoding: 'utf8', env, timeout: 60_000 });
}

describe('loadline completion', () => {
  it('prints the script of each shell', async () => {
    for (const [shell, script] of Object.entries(SCRIPTS))
      expect(await run('completion', shell)).toEqual({ code: 0, out: script, err: '' });
    expect(await run('completion', 'tcsh')).toMatchObject({ code: 2, out: '' });
  });

  it('completes in bash, also what readline breaks at = and :, and evaluates nothing', () => {
    const quoted = (word: string): string => `'${word}'`;
    const drive = `
      source "$HOME/loadline.bash"
      complete -p loadline
      drive() {
        COMP_WORDS=(loadline "$@") COMP_CWORD=$# COMP_LINE="loadline $*" COMP_POINT=999
        __loadline loadline "\${COMP_WORDS[COMP_CWORD]}" ''
        echo "[\${COMPREPLY[*]}]"
      }
      cd src
      ${LINES.map((line) => `drive ${line.map(quoted).join(' ')}`).join('\n')}
      [[ -e evaluated ]] && echo evaluated || true`;
    // Readline alone may call compopt, so its complaints go nowhere here.
    expect(ran('bash', '--norc', '-c', drive).split('\n')).toEqual([
      'complete -F __loadline loadline',
      '[rollback rollout]',
      '[json]',
      '[table yaml json]',
      '[--output]',
      '[cli]',
      '[]',
      '[]',
      '',
    ]);
  });

  it.skipIf(!has('fish'))('completes in fish (skipped where fish is not installed)', () => {
    const ask = (line: string): string =>
      ran('fish', '--no-config', '-c', `source ${folder}/loadline.fish; complete -C "${line}"`);
    expect(ask('loadline roll')).toMatch(/^rollback\t.*\nrollout\t.*\n$/);
    expect(ask('loadline status --output=j')).toBe('--output=json\n');
  });

  it.skipIf(!has('zsh'))('is zsh (skipped where zsh is not installed)', () => {
    expect(ran('zsh', '-f', '-n', `${folder}/loadline.zsh`)).toBe('');
  });
});
