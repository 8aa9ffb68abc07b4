import { styleText } from 'node:util';
import type { Command } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import type { PolicyVersion } from '../../core/policy/index.ts';
import type { Paint } from '../diff-words.ts';
import type { Io } from '../io.ts';
import type { Finish } from '../main.ts';

type Flags = { readonly file: readonly string[]; readonly envoy?: true | readonly string[] };

export function addValidate(program: Command, io: Io, finish: Finish): void {
  program
    .command('validate')
    .description('check policy files offline; all mistakes at once, with their positions')
    .requiredOption('-f, --file <PATH...>', 'policy files or folders; together they are one policy')
    .option(
      '--envoy [PATH...]',
      'let real Envoys judge it too: these, or those that are at hand (LOADLINE_ENVOY, PATH, the cache folder)',
    )
    .addHelpText(
      'after',
      '\nExample:\n  loadline validate -f docs/examples/lab.yaml\n\nExit code 1 when anything is wrong; warnings alone give 0.',
    )
    .action(async ({ file, envoy }: Flags) => {
      const [{ readPolicyFiles }, { formatIssue, loadPolicy }] = await Promise.all([
        import('../../edge/store/index.ts'),
        import('../../core/policy/index.ts'),
      ]);
      const files = file.flatMap((path) => {
        const read = readPolicyFiles(path);
        if (!read.ok) throw new LoadlineError('LOADLINE_POLICY_UNUSABLE', read.reason);
        return read.files;
      });
      const result = loadPolicy(files);
      const paint = (style: 'red' | 'yellow' | 'green', text: string) => (io.colour ? styleText(style, text) : text);
      if (!result.ok) {
        for (const issue of result.issues) io.err(`${paint('red', 'error')} ${formatIssue(issue)}\n`);
        io.err(
          `${result.issues.length} ${result.issues.length === 1 ? 'error' : 'errors'} in ${plural(files.length)}\n`,
        );
        finish(1);
        return;
      }
      for (const issue of result.warnings) io.err(`${paint('yellow', 'warning')} ${formatIssue(issue)}\n`);
      const { groups, services, revision } = result.value;
      const endpoints = services
        .flatMap(({ pools }) => pools)
        .reduce((sum, pool) => sum + (pool.endpoints.kind === 'Static' ? pool.endpoints.endpoints.length : 0), 0);
      io.out(
        `${paint('green', 'ok')} ${plural(files.length)}, revision ${revision}: groups ${groups.map(({ name }) => name).join(', ') || '-'}; ` +
          `services ${services.map(({ name }) => name).join(', ') || '-'}; ${endpoints} static endpoints; ${result.warnings.length} warnings\n`,
      );
      if (envoy !== undefined) finish(await judged(io, { policy: result.value, files }, envoy === true ? [] : envoy));
    });
}

/** Here a verdict was asked for: without one the command fails. */
async function judged(io: Io, candidate: PolicyVersion, envoys: readonly string[]): Promise<number> {
  const [{ localVerdict }, { verdictLines }] = await Promise.all([
    import('../../app/index.ts'),
    import('../diff-words.ts'),
  ]);
  const verdict = await localVerdict(candidate, envoys);
  const paint: Paint = (style, text) => (io.colour ? styleText(style, text, { validateStream: false }) : text);
  io.out(`${verdictLines(verdict, paint).join('\n  ')}\n`);
  return verdict.publishable ? 0 : 1;
}

function plural(count: number): string {
  return count === 1 ? '1 file' : `${count} files`;
}
