import type { Command } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import type { PolicyAnswer, PolicyDiff } from '../../edge/admin/index.ts';
import { dryRunText } from '../diff-words.ts';
import { type Io, printError, printValue } from '../io.ts';
import type { Finish } from '../main.ts';
import { policySources } from '../policies/policy-sources.ts';
import { diffText, printRefusal, printWarnings } from '../policies/policy-words.ts';
import { addOutputFlag, addServerFlags, type ServerFlags, withPolicies } from '../policies/server-flags.ts';

type Flags = ServerFlags & { readonly file: readonly string[]; readonly textsOnly?: boolean };

const SAME = 0;
const DIFFERS = 1;
const FAILED = 2;

export function addDiff(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('diff')
    .description(
      'what applying these files would change, who gets it, what it costs, and whether Envoy takes it; changes nothing',
    )
    .requiredOption('-f, --file <PATH...>', 'policy files or folders, or - for standard input');
  command.option('--texts-only', 'only the lines that differ');
  addServerFlags(addOutputFlag(command))
    .addHelpText(
      'after',
      '\nExit code 0: nothing differs; 1: something does; 2: it failed, or the files are refused.' +
        '\nExample:\n  loadline diff -f chat.yaml',
    )
    .action(async ({ file, output, textsOnly = false, ...flags }: Flags) => {
      let answer: PolicyAnswer<PolicyDiff>;
      try {
        const files = await policySources(file, io);
        answer = await withPolicies(flags, (client) => client.diff(files, { textsOnly }));
      } catch (error) {
        if (!(error instanceof LoadlineError)) throw error;
        printError(io, error);
        return finish(FAILED);
      }
      if (!answer.ok) {
        await printRefusal(io, answer);
        return finish(FAILED);
      }
      const { documents, warnings } = answer.value;
      await printWarnings(io, warnings);
      if (output === 'table') io.out(differences(answer.value, io.colour));
      else printValue(io, output, answer.value);
      finish(documents.every(({ outcome }) => outcome === 'Unchanged') ? SAME : DIFFERS);
    });
}

export function differences(diff: PolicyDiff, colour: boolean): string {
  const { documents, policyRevisionBefore: before, policyRevisionAfter: after, dryRun } = diff;
  const texts = documents.map(({ textDiff }) => diffText(textDiff, colour)).join('');
  if (texts === '') return '';
  if (dryRun !== undefined) return `${texts}\n${dryRunText(dryRun, colour)}`;
  return before === after ? `${texts}The texts differ, and mean the same: Envoys get nothing new.\n` : texts;
}
