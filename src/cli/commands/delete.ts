import type { Command } from 'commander';
import { type Io, printValue } from '../io.ts';
import type { Finish } from '../main.ts';
import { KIND_HELP, keyOf } from '../policies/document-target.ts';
import { printRefusal, writtenText } from '../policies/policy-words.ts';
import {
  addOutputFlag,
  addServerFlags,
  addWriteFlags,
  type ServerFlags,
  type WriteFlags,
  withPolicies,
  writeOptions,
} from '../policies/server-flags.ts';

export function addDelete(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('delete')
    .description('take policies away from a running server; what stays must be a policy')
    .argument('<KIND/NAME...>', KIND_HELP);
  addServerFlags(addOutputFlag(addWriteFlags(command, 'required')))
    .addHelpText(
      'after',
      '\nloadline rollback brings a document back.\nExample:\n  loadline delete ms/embed --reason "moved to the other mesh"',
    )
    .action(async (names: readonly string[], flags: ServerFlags & WriteFlags) => {
      const keys = names.map(keyOf);
      const answer = await withPolicies(flags, (client) => client.delete(keys, writeOptions(flags)));
      if (!answer.ok) {
        await printRefusal(io, answer);
        return finish(1);
      }
      if (flags.output === 'table') io.out(writtenText(answer.value, io.colour));
      else printValue(io, flags.output, answer.value);
    });
}
