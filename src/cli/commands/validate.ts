import { styleText } from 'node:util';
import type { Command } from 'commander';
import type { Issue } from '../../base/units/index.ts';
import type { Verdict } from '../../core/dry-run/index.ts';
import type { Policy, PolicyFile } from '../../core/policy/index.ts';
import { type Paint, verdictLines } from '../diff-words.ts';
import { type Io, printError, printValue } from '../io.ts';
import type { Finish } from '../main.ts';
import { policySources } from '../policies/policy-sources.ts';
import { addOutputFlag, addServerFlags, type ServerFlags, withPolicies } from '../policies/server-flags.ts';
import { useProfileOnlyWith } from '../profiles/use-profile.ts';

type Flags = ServerFlags & {
  readonly file: readonly string[];
  readonly envoy?: true | readonly string[];
  readonly server?: boolean;
};

/** What was found, of the files alone or together with what the server has. */
type Findings = {
  readonly ok: boolean;
  /** Of the policy that comes of it. */
  readonly policyRevision?: string;
  /** Names; of the files alone. */
  readonly groups?: readonly string[];
  readonly services?: readonly string[];
  readonly staticEndpoints?: number;
  readonly issues: readonly Issue[];
  readonly warnings: readonly Issue[];
  readonly verdict?: Verdict;
};

export function addValidate(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('validate')
    .description('check policy files; all mistakes at once, with their positions')
    .requiredOption(
      '-f, --file <PATH...>',
      'policy files or folders, or - for standard input; together they are one policy',
    )
    .option(
      '--envoy [PATH...]',
      'let real Envoys judge it too: these, or those that are at hand (LOADLINE_ENVOY, PATH, the cache folder)',
    )
    .option(
      '--server',
      'let the server of --admin check it instead: with the policies that it has besides, and with its Envoys',
    );
  addServerFlags(addOutputFlag(command)).addHelpText(
    'after',
    `
Offline, unless --server is given: nothing is asked then, and no profile is read. Nothing is ever changed.
Exit code 1 when anything is wrong; warnings alone give 0.

Examples:
  loadline validate -f docs/examples/lab.yaml
  loadline validate -f chat.yaml --server
  loadline validate -f policies/ --output json`,
  );
  useProfileOnlyWith(command, 'server');
  command.action(async ({ file, envoy, server = false, output, ...flags }: Flags) => {
    if (server && envoy !== undefined)
      command.error('error: --server asks the Envoys of the server; leave --envoy out, or --server');
    const files = await policySources(file, io);
    const findings = server ? await onServer(files, flags, io) : await offline(files, envoy === true ? [] : envoy);
    if (findings === undefined) return finish(1);
    if (output === 'table') await tell(io, files.length, findings);
    else printValue(io, output, { files: files.length, ...findings });
    finish(findings.ok ? 0 : 1);
  });
}

async function offline(files: readonly PolicyFile[], envoys: readonly string[] | undefined): Promise<Findings> {
  const { loadPolicy } = await import('../../core/policy/index.ts');
  const loaded = loadPolicy(files);
  if (!loaded.ok) return { ok: false, issues: loaded.issues, warnings: [] };
  const about = { ...aboutPolicy(loaded.value), issues: [], warnings: loaded.warnings };
  if (envoys === undefined) return { ok: true, ...about };
  const { localVerdict } = await import('../../app/index.ts');
  const verdict = await localVerdict({ policy: loaded.value, files }, envoys);
  // Here a verdict was asked for: without one the command fails.
  return { ok: verdict.publishable, ...about, verdict };
}

/** Undefined when the server said no for another reason than the policy, which was told then. */
async function onServer(
  files: readonly PolicyFile[],
  flags: Omit<ServerFlags, 'output'>,
  io: Io,
): Promise<Findings | undefined> {
  const answer = await withPolicies(flags, (client) => client.validate(files, { envoy: true }));
  if (answer.ok) return { ok: true, issues: [], ...answer.value };
  if (answer.issues.length > 0) return { ok: false, issues: answer.issues, warnings: [] };
  const { LoadlineError } = await import('../../base/errors.ts');
  printError(io, new LoadlineError('LOADLINE_ADMIN', answer.message));
  return undefined;
}

function aboutPolicy({
  groups,
  services,
  revision,
}: Policy): Pick<Findings, 'policyRevision' | 'groups' | 'services' | 'staticEndpoints'> {
  const pools = services.flatMap((service) => service.pools);
  return {
    policyRevision: revision,
    groups: groups.map(({ name }) => name),
    services: services.map(({ name }) => name),
    staticEndpoints: pools.reduce(
      (sum, { endpoints }) => sum + (endpoints.kind === 'Static' ? endpoints.endpoints.length : 0),
      0,
    ),
  };
}

async function tell(io: Io, files: number, findings: Findings): Promise<void> {
  const { formatIssue } = await import('../../core/policy/index.ts');
  const { issues, warnings, policyRevision, groups, services, staticEndpoints, verdict } = findings;
  const paint: Paint = (style, text) => (io.colour ? styleText(style, text, { validateStream: false }) : text);
  for (const issue of issues) io.err(`${paint('red', 'error')} ${formatIssue(issue)}\n`);
  for (const issue of warnings) io.err(`${paint('yellow', 'warning')} ${formatIssue(issue)}\n`);
  if (issues.length > 0) {
    io.err(`${issues.length} ${issues.length === 1 ? 'error' : 'errors'} in ${plural(files, 'file')}\n`);
    return;
  }
  const holds =
    groups === undefined
      ? ', together with what the server has'
      : `: groups ${groups.join(', ') || '-'}; services ${services?.join(', ') || '-'}; ${staticEndpoints} static endpoints`;
  io.out(
    `${paint('green', 'ok')} ${plural(files, 'file')}, revision ${policyRevision}${holds}; ${plural(warnings.length, 'warning')}\n`,
  );
  if (verdict !== undefined) io.out(`${verdictLines(verdict, paint).join('\n  ')}\n`);
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
