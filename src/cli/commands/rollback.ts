import type { Command } from 'commander';
import { wholeNumber } from '../flag-values.ts';
import { type Io, printValue } from '../io.ts';
import type { Finish } from '../main.ts';
import { KIND_HELP, keyOf } from '../policies/document-target.ts';
import { printRefusal, printWarnings, writtenText } from '../policies/policy-words.ts';
import {
  addOutputFlag,
  addServerFlags,
  addWriteFlags,
  type ServerFlags,
  type WriteFlags,
  withPolicies,
  writeOptions,
} from '../policies/server-flags.ts';

type Flags = ServerFlags & WriteFlags & { readonly to: number };

export function addRollback(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('rollback')
    .description('make policies what they were at an earlier revision, as a new one')
    .argument('[KIND/NAME]', `this document alone; else all of them; ${KIND_HELP}`)
    .requiredOption('--to <REV>', 'revision of the store, as loadline history shows it', wholeNumber);
  addServerFlags(addOutputFlag(addWriteFlags(command, 'required')))
    .addHelpText(
      'after',
      '\nExamples:\n  loadline rollback ms/chat --to 7 --reason "time to first token has doubled"\n  loadline rollback --to 7 --reason "as before the change" --dry-run',
    )
    .action(async (name: string | undefined, { to, ...flags }: Flags) => {
      const key = name === undefined ? undefined : keyOf(name);
      const answer = await withPolicies(flags, (client) => client.rollback(key, to, writeOptions(flags)));
      if (!answer.ok) {
        await printRefusal(io, answer);
        return finish(1);
      }
      const { changes, warnings, revision } = answer.value;
      await printWarnings(io, warnings);
      if (flags.output !== 'table') printValue(io, flags.output, answer.value);
      else if (changes.length === 0) io.out(`nothing to go back to: there was no other document at revision ${to}\n`);
      else io.out(`${writtenText(answer.value, io.colour)}the store is at revision ${revision}\n`);
    });
}
