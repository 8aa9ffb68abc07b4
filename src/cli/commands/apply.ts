import type { Command } from 'commander';
import { type Io, printValue } from '../io.ts';
import type { Finish } from '../main.ts';
import { policySources } from '../policies/policy-sources.ts';
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

type Flags = ServerFlags & WriteFlags & { readonly file: readonly string[] };

export function addApply(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('apply')
    .description('create or replace policies of a running server; documents that no file holds stay')
    .requiredOption('-f, --file <PATH...>', 'policy files or folders, or - for standard input');
  addServerFlags(addOutputFlag(addWriteFlags(command, 'optional')))
    .addHelpText(
      'after',
      '\nAll documents are applied, or none: after the whole policy that comes of it was checked. Exit code 1 when it is refused.' +
        '\nExamples:\n  loadline apply -f chat.yaml --reason "more for the new GPUs"\n  loadline apply -f policies/ --dry-run\n  loadline apply -f chat.yaml --if-match ms/chat=7',
    )
    .action(async ({ file, ...flags }: Flags) => {
      const files = await policySources(file, io);
      const answer = await withPolicies(flags, (client) => client.apply(files, writeOptions(flags)));
      if (!answer.ok) {
        await printRefusal(io, answer);
        return finish(1);
      }
      await printWarnings(io, answer.value.warnings);
      if (flags.output === 'table') io.out(writtenText(answer.value, io.colour));
      else printValue(io, flags.output, answer.value);
    });
}
