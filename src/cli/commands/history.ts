import type { Command } from 'commander';
import type { PolicyHistory } from '../../edge/admin/index.ts';
import { atLeastOne } from '../flag-values.ts';
import { type Io, printValue, table } from '../io.ts';
import type { Finish } from '../main.ts';
import { KIND_HELP, keyOf, shown } from '../policies/document-target.ts';
import { printRefusal } from '../policies/policy-words.ts';
import { addOutputFlag, addServerFlags, type ServerFlags, withPolicies } from '../policies/server-flags.ts';

type Flags = ServerFlags & { readonly limit: number; readonly before?: number };

export function addHistory(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('history')
    .description('versions of policies, newest first: who wrote them, when and why')
    .argument('[KIND/NAME]', `of this document alone; ${KIND_HELP}`)
    .option('--limit <N>', 'how many', atLeastOne, 20)
    .option('--before <REV>', 'only versions of lower revisions, for the next page', atLeastOne);
  addServerFlags(addOutputFlag(command))
    .addHelpText(
      'after',
      '\nloadline get KIND/NAME --at REV shows one of them.\nExamples:\n  loadline history\n  loadline history ms/chat --limit 5',
    )
    .action(async (name: string | undefined, { limit, before, output, ...flags }: Flags) => {
      const query = {
        limit,
        ...(name === undefined ? {} : { key: keyOf(name) }),
        ...(before === undefined ? {} : { before }),
      };
      const answer = await withPolicies(flags, (client) => client.history(query));
      if (!answer.ok) {
        await printRefusal(io, answer);
        return finish(1);
      }
      if (output === 'table') io.out(historyText(answer.value));
      else printValue(io, output, answer.value);
    });
}

function historyText({ versions, nextBefore }: PolicyHistory): string {
  if (versions.length === 0) return 'There are no versions.\n';
  const rows = versions.map(({ revision, writtenAtMs, author, operation, reason, ...key }) => [
    revision,
    writtenAtMs === null ? '-' : new Date(writtenAtMs).toISOString(),
    author,
    operation,
    shown(key),
    reason.replaceAll(/\s+/g, ' ').trim() || '-',
  ]);
  const more = nextBefore === undefined ? '' : `older ones: --before ${nextBefore}\n`;
  return `${table(['REVISION', 'TIME', 'AUTHOR', 'OPERATION', 'NAME', 'REASON'], rows)}\n${more}`;
}
