import { styleText } from 'node:util';
import { type Command, InvalidArgumentError } from 'commander';
import type { AuditRecord, KnownHead } from '../../edge/store/index.ts';
import { atLeastOne } from '../flag-values.ts';
import { type Io, type OutputFormat, printValue, table } from '../io.ts';
import type { Finish } from '../main.ts';
import { outputOption } from '../output-flag.ts';
import { DEFAULT_DATA } from './serve.ts';

type VerifyFlags = { readonly data: string; readonly known?: KnownHead; readonly output: OutputFormat };
type ListFlags = {
  readonly data: string;
  readonly limit: number;
  readonly before?: number;
  readonly output: OutputFormat;
};

const DATA = 'data directory of the server, which may be running';
const HASH_SHOWN = 12;

export function addAudit(program: Command, io: Io, finish: Finish): void {
  const audit = program
    .command('audit')
    .description('read and check the audit trail of the store, offline')
    .addHelpText(
      'after',
      '\nExamples:\n  loadline audit verify --data /var/lib/loadline\n  loadline audit list --data /var/lib/loadline --limit 20',
    );
  audit
    .command('verify')
    .description(
      'check the hash chain, and that history and documents are what it tells; names the first broken record',
    )
    .option('--data <DIR>', DATA, DEFAULT_DATA)
    .option(
      '--known <SEQUENCE:HASH>',
      'a record that you noted earlier (this command and the log of `serve` print one): proves that nothing up to it was written anew',
      knownHead,
    )
    .addOption(outputOption())
    .addHelpText('after', '\nExit code 1 when the trail is broken or cannot be read.')
    .action(async ({ data, known, output }: VerifyFlags) => {
      const { storeFolder, verifyStoredTrail } = await import('../../edge/store/index.ts');
      const verdict = await verifyStoredTrail(storeFolder(data), known);
      if (output !== 'table') {
        printValue(io, output, verdict);
        return finish(verdict.ok ? 0 : 1);
      }
      if (!verdict.ok) {
        const broken = io.colour ? styleText('red', 'broken') : 'broken';
        io.err(`${broken} at record ${verdict.sequence}: ${verdict.reason}\n`);
        finish(1);
        return;
      }
      const { records, contents, lost, head } = verdict;
      const ok = io.colour ? styleText('green', 'ok') : 'ok';
      const aside = lost === 0 ? '' : `, ${lost} damaged ones left out`;
      io.out(
        `${ok} ${records} records, ${contents} contents compared${aside}; to be noted: ${head.sequence}:${head.hash}\n`,
      );
    });
  audit
    .command('list')
    .description('who did what, when and why, newest first')
    .option('--data <DIR>', DATA, DEFAULT_DATA)
    .option('--limit <N>', 'how many records', atLeastOne, 50)
    .option('--before <SEQUENCE>', 'only records before this one, for the next page', atLeastOne)
    .addOption(outputOption())
    .action(async ({ data, limit, before, output }: ListFlags) => {
      const { readStoredTrail, storeFolder } = await import('../../edge/store/index.ts');
      const records = await readStoredTrail(storeFolder(data), { before, limit });
      if (output === 'table') io.out(`${recordsTable(records)}\n`);
      else printValue(io, output, records);
    });
}

function recordsTable(records: readonly AuditRecord[]): string {
  const rows = records.map((one) => [
    one.sequence,
    new Date(one.atMs).toISOString(),
    one.author,
    one.action,
    subjectsOf(one),
    one.revision ?? '-',
    oneLine(one.reason),
    one.hash.slice(0, HASH_SHOWN),
  ]);
  return table(['#', 'TIME', 'AUTHOR', 'ACTION', 'SUBJECT', 'REVISION', 'REASON', 'HASH'], rows);
}

function subjectsOf({ changes = [], details = {} }: AuditRecord): string {
  const documents = changes.map(({ kind, name, operation }) => `${operation === 'Delete' ? '-' : ''}${kind}/${name}`);
  const words = Object.entries(details).map(([key, text]) => `${key}=${oneLine(text)}`);
  return [...documents, ...words].join(' ') || '-';
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim() || '-';
}

function knownHead(text: string): KnownHead {
  const match = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text);
  if (match === null) throw new InvalidArgumentError('expected SEQUENCE:HASH, the hash in 64 hexadecimal digits.');
  return { sequence: Number(match[1]), hash: match[2] as string };
}
