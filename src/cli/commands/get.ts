import type { Command } from 'commander';
import type { PoliciesClient, PolicyDocument, PolicyEventView, PolicyList } from '../../edge/admin/index.ts';
import { wholeNumber } from '../flag-values.ts';
import { age, type Io, type OutputFormat, printValue, table } from '../io.ts';
import type { Finish } from '../main.ts';
import { KIND_HELP, shown, targetsOf } from '../policies/document-target.ts';
import { printRefusal } from '../policies/policy-words.ts';
import { addOutputFlag, addServerFlags, type ServerFlags, withPolicies } from '../policies/server-flags.ts';

type Flags = ServerFlags & { readonly at?: number; readonly watch?: boolean };

export function addGet(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('get')
    .description('policies of a running server; -o yaml prints them as their authors wrote them')
    .argument('[KIND[/NAME]...]', `what to show; ${KIND_HELP}`)
    .option('--at <REV>', 'as they were at this revision of the store', wholeNumber)
    .option('-w, --watch', 'go on with each change, until it is interrupted');
  addServerFlags(addOutputFlag(command))
    .addHelpText(
      'after',
      '\nExamples:\n  loadline get\n  loadline get modelservices\n  loadline get ms/chat -o yaml > chat.yaml\n  loadline get --watch',
    )
    .action(async (words: readonly string[], { at, watch, output, ...flags }: Flags) => {
      const target = targetsOf(words);
      const query = { ...target, ...(at === undefined ? {} : { atRevision: at }) };
      await withPolicies(flags, async (client) => {
        const answer = await client.get(query);
        if (!answer.ok) {
          await printRefusal(io, answer);
          return finish(1);
        }
        for (const { reason, ...key } of answer.value.damaged) io.err(`${shown(key)} is damaged: ${reason}\n`);
        await print(io, output, answer.value);
        if (watch === true) finish(await follow(client, answer.value.revision, target, output, io));
      });
    });
}

async function print(io: Io, output: OutputFormat, list: PolicyList): Promise<void> {
  const { documents } = list;
  if (output === 'yaml') {
    const { joinDocuments } = await import('../../core/policy/index.ts');
    io.out(joinDocuments(documents.map(({ text }) => text)));
    return;
  }
  if (output === 'json') printValue(io, output, list);
  else io.out(listText(list, Date.now()));
  if (output === 'table' && documents.length === 0) io.err('There is no policy.\n');
}

export function listText({ documents, files }: PolicyList, nowMs: number): string {
  if (documents.length === 0) return '';
  if (files !== '')
    return `${table(
      ['NAME', 'FROM'],
      documents.map((one) => [shown(one), `${one.file}:${one.line}`]),
    )}\n`;
  const rows = documents.map((one) => [
    shown(one),
    one.revision,
    one.writtenAtMs === null ? '-' : age(nowMs - one.writtenAtMs),
    one.author,
    placeOf(one),
  ]);
  return `${table(['NAME', 'REVISION', 'AGE', 'AUTHOR', 'FROM'], rows)}\n`;
}

function placeOf({ file, line }: PolicyDocument): string {
  return file === '' ? '-' : `${file}:${line}`;
}

/** Until the process is interrupted, which is its normal end. */
async function follow(
  client: PoliciesClient,
  after: number,
  { kind, keys }: ReturnType<typeof targetsOf>,
  output: OutputFormat,
  io: Io,
): Promise<number> {
  const isAsked = (one: { readonly kind: string; readonly name: string }): boolean =>
    (kind === undefined || one.kind === kind) &&
    (keys === undefined || keys.some((key) => key.kind === one.kind && key.name === one.name));
  const interrupted = new AbortController();
  const stop = (): void => interrupted.abort();
  process.once('SIGINT', stop);
  try {
    const answer = await client.watch(
      { after },
      (event) => {
        const versions = event.versions.filter(isAsked);
        if (versions.length === 0) return;
        if (output === 'table') io.out(eventText({ ...event, versions }));
        else printValue(io, output, { ...event, versions });
      },
      interrupted.signal,
    );
    if (answer.ok) return 0;
    await printRefusal(io, answer);
    return 1;
  } finally {
    process.off('SIGINT', stop);
  }
}

function eventText({ revision, versions }: PolicyEventView): string {
  return versions
    .map(({ operation, author, reason, ...key }) => {
      const word = operation === 'Put' ? 'written' : operation === 'Delete' ? 'deleted' : 'lost';
      return `${revision}  ${shown(key)} ${word} by ${author}${reason === '' ? '' : `: ${reason.replaceAll(/\s+/g, ' ')}`}\n`;
    })
    .join('');
}
