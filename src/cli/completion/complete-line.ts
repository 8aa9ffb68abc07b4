import type { Argument, Command, Option } from 'commander';
import { type Candidates, candidatesOf } from './candidates.ts';

/** A candidate, with words about it for shells that show them. */
export type Candidate = { readonly word: string; readonly about: string };

/** What may stand at the cursor. */
export type Offer = {
  readonly candidates: readonly Candidate[];
  /** What else is to be asked for, of the server or of the shell. */
  readonly more: Candidates;
  /** Before each word that `more` gives: `--admin=`. */
  readonly prefix: string;
  /** Whose words these are, and what stood before the cursor. */
  readonly command: Command;
  readonly operands: readonly string[];
  /** What stands on the line without the value that is to be completed, and without its flag. */
  readonly before: readonly string[];
};

type State = {
  command: Command;
  readonly operands: string[];
  /** An option whose value may or must come next. */
  open: Option | undefined;
  onlyOperands: boolean;
};

const NOTHING: Candidates = { kind: 'None' };

/**
 * What may stand at the cursor, read off the command tree: so that it can never be older than the commands.
 * @param words what stands on the line after the program; the last is what stands before the cursor, often ''
 */
export function completeLine(program: Command, words: readonly string[]): Offer {
  const state: State = { command: program, operands: [], open: undefined, onlyOperands: false };
  for (const word of words.slice(0, -1)) take(state, word);
  const current = words.at(-1) ?? '';
  const { command, operands, open, onlyOperands } = state;
  const offer = (candidates: readonly Candidate[], more: Candidates = NOTHING, prefix = ''): Offer => ({
    candidates: candidates.filter(({ word }) => word.startsWith(current)),
    more,
    prefix,
    command,
    operands,
    before: words.slice(0, open?.required === true ? -2 : -1),
  });
  const isFlag = !onlyOperands && current.startsWith('-');
  if (open !== undefined && (open.required || !isFlag)) {
    const values = valuesOf(command, open);
    const ends = open.variadic || open.optional;
    return ends && values.kind === 'None'
      ? offer([], argumentAt(command, operands.length))
      : offer(listed(values), values);
  }
  if (isFlag) {
    const at = current.indexOf('=');
    if (at === -1) return offer(flagsOf(command));
    const option = optionOf(command, current.slice(0, at));
    const values = option === undefined ? NOTHING : valuesOf(command, option);
    const prefix = current.slice(0, at + 1);
    return offer(
      listed(values).map(({ word, about }) => ({ word: prefix + word, about })),
      values,
      prefix,
    );
  }
  if (operands.length === 0 && command.commands.length > 0) return offer(commandsOf(command));
  const values = argumentAt(command, operands.length);
  return offer(listed(values), values);
}

function take(state: State, word: string): void {
  const { command, open } = state;
  const isFlag = !state.onlyOperands && word.startsWith('-') && word.length > 1;
  if (open !== undefined && (open.required || !isFlag)) {
    // A variadic one takes all that comes before the next flag, and has what it needs after the first.
    state.open = open.variadic ? satisfied(open) : undefined;
    return;
  }
  state.open = undefined;
  if (isFlag) {
    if (word === '--') state.onlyOperands = true;
    else if (!word.includes('=')) {
      const option = optionOf(command, word);
      state.open = option !== undefined && (option.required || option.optional) ? option : undefined;
    }
    return;
  }
  const below = state.operands.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
  if (below === undefined) state.operands.push(word);
  else state.command = below;
}

function satisfied(option: Option): Option {
  return Object.assign(Object.create(option) as Option, { required: false, optional: true });
}

function optionOf(command: Command, name: string): Option | undefined {
  return command.options.find(({ long, short }) => long === name || short === name);
}

function valuesOf(command: Command, option: Option): Candidates {
  if (option.argChoices !== undefined) return { kind: 'Words', words: option.argChoices };
  const placeholder = /[<[]([^\]>]+(?:\][^\]>]*)*)[\]>]$/.exec(option.flags)?.[1] ?? '';
  return candidatesOf({
    command: nameOf(command),
    flag: option.long ?? '',
    placeholder: placeholder.replace(/\.\.\.$/, ''),
  });
}

function argumentAt(command: Command, at: number): Candidates {
  const known: readonly Argument[] = command.registeredArguments;
  const argument = known[at] ?? (known.at(-1)?.variadic === true ? known.at(-1) : undefined);
  if (argument === undefined) return NOTHING;
  if (argument.argChoices !== undefined) return { kind: 'Words', words: argument.argChoices };
  return candidatesOf({ command: nameOf(command), flag: '', placeholder: argument.name() });
}

function commandsOf(command: Command): readonly Candidate[] {
  const own = command.commands.map((one) => ({ word: one.name(), about: one.description() }));
  return command.parent === null ? [...own, { word: 'help', about: 'what a command does, and its flags' }] : own;
}

function flagsOf(command: Command): readonly Candidate[] {
  const own = command.options.flatMap(({ long, description }) =>
    long == null ? [] : [{ word: long, about: description }],
  );
  return [...own, { word: '--help', about: 'what it does, and its flags' }];
}

function listed(values: Candidates): readonly Candidate[] {
  return values.kind === 'Words' ? values.words.map((word) => ({ word, about: '' })) : [];
}

/** `operations list`. */
function nameOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${nameOf(parent)} ${command.name()}`;
}
