import type { Command, CommanderError } from 'commander';
import { buildProgram } from '../../src/cli/main.ts';

/** Words that stand before the program in a command line that a page shows. */
const BEFORE = /^(\$|sudo|exec|npx|node|\w+=\S*)$/;
const PROGRAM = /^(.*\/)?loadline(\.js)?$/;

/**
 * The arguments of every `loadline` in shell text: continuation lines are joined; comments, redirections and what follows
 * `|`, `&` or `;` do not belong to it.
 */
export function loadlineCommands(text: string): readonly (readonly string[])[] {
  const joined = text.replaceAll(/\\\n\s*/g, ' ');
  return joined.split('\n').flatMap((line) =>
    simpleCommands(line).flatMap((words) => {
      const inContainer = words.join(' ').startsWith('docker compose ') ? words.lastIndexOf('loadline') : -1;
      const at = inContainer >= 0 ? inContainer : words.findIndex((word) => !BEFORE.test(word));
      return at >= 0 && PROGRAM.test(words[at] ?? '') && at < words.length - 1 ? [words.slice(at + 1)] : [];
    }),
  );
}

/** The words of each simple command of a line, as a POSIX shell would split them; variables are left as they stand. */
function simpleCommands(line: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]];
  let redirected = false;
  for (const [token] of line.matchAll(
    /'[^']*'|"[^"]*"|#.*$|\d?>>?&?|<|&&|\|\||[|;&()]|(?:[^\s'"|;&()<>#]|(?<=\S)#|'[^']*'|"[^"]*")+/g,
  )) {
    if (token.startsWith('#')) break;
    if (/^\d?>>?&?$|^<$/.test(token)) redirected = true;
    else if (/^(&&|\|\||[|;&()])$/.test(token)) commands.push([]);
    else if (redirected) redirected = false;
    else commands.at(-1)?.push(token.replaceAll(/^['"]|['"]$/g, ''));
  }
  return commands.filter((words) => words.length > 0);
}

/**
 * Parses the arguments with the real program, whose commands do nothing here. Undefined when they are right, else what is
 * wrong in the program's words. A mention (`loadline validate` in a sentence) may leave required ones out.
 */
export async function usageMistake(
  argv: readonly string[],
  options: { readonly mention?: boolean } = {},
): Promise<string | undefined> {
  let said = '';
  const program = buildProgram({ out: () => {}, err: (text) => (said += text), colour: false }, () => {});
  for (const command of program.commands.flatMap((one) => (one.commands.length === 0 ? [one] : one.commands)))
    command.action(() => {});
  try {
    await program.parseAsync(argv[0] === '--version' ? ['version'] : [...argv], { from: 'user' });
    return undefined;
  } catch (error) {
    const { code } = error as CommanderError;
    if (code === 'commander.helpDisplayed') return undefined;
    const left = [
      'commander.missingArgument',
      'commander.missingMandatoryOptionValue',
      'commander.optionMissingArgument',
      'commander.help', // a command of commands, without one
    ];
    if (options.mention === true && left.includes(code)) return undefined;
    return `loadline ${argv.join(' ')}: ${said.split('\n')[0]}`;
  }
}

/** Names of the commands, so that prose about loadline is told from a command line in it. */
export function commandNames(): readonly string[] {
  return buildProgram({ out: () => {}, err: () => {}, colour: false }, () => {}).commands.map((one: Command) =>
    one.name(),
  );
}
