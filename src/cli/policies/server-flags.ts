import { type Command, InvalidArgumentError, Option } from 'commander';
import type { PoliciesClient, WriteOptions } from '../../edge/admin/index.ts';
import { DEFAULT_ADMIN } from '../commands/status.ts';
import { wholeNumber } from '../flag-values.ts';
import type { OutputFormat } from '../io.ts';
import { outputOption } from '../output-flag.ts';
import { addTlsFlags, type TlsFlags, tlsOf } from '../tls-flags.ts';
import { type Key, keyOf } from './document-target.ts';

export type ServerFlags = TlsFlags & { readonly admin: string; readonly output: OutputFormat };

/** Flags of every command about policies. */
export function addServerFlags(command: Command): Command {
  return addTlsFlags(command.option('--admin <ADDR>', 'address of the server', DEFAULT_ADMIN));
}

export function addOutputFlag(command: Command): Command {
  return command.addOption(outputOption());
}

export type Condition = { readonly storeRevision: number } | { readonly document: Key; readonly revision: number };

export type WriteFlags = {
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly ifMatch?: readonly Condition[];
  readonly idempotencyKey?: string;
  readonly force?: boolean;
};

/** Flags of every command that changes policies. */
export function addWriteFlags(command: Command, reason: 'required' | 'optional'): Command {
  const why = 'why; it stands in the history and in the audit trail';
  const withReason =
    reason === 'required' ? command.requiredOption('--reason <TEXT>', why) : command.option('--reason <TEXT>', why);
  return withReason
    .option('--force', 'also when it takes more away than one change may (--max-shrink of the server); role Admin')
    .option('--dry-run', 'check everything and say what would become of each document, and change nothing')
    .addOption(
      new Option(
        '--if-match <REV>',
        'only if the store is at this revision; KIND/NAME=REV: if the document is (0: there is none); several times',
      ).argParser(condition),
    )
    .option('--idempotency-key <KEY>', 'done once, however often it is called with this key within a day');
}

export function writeOptions({ reason, dryRun, ifMatch = [], idempotencyKey, force }: WriteFlags): WriteOptions {
  const whole = ifMatch.flatMap((one) => ('storeRevision' in one ? [one.storeRevision] : []));
  return {
    reason,
    dryRun,
    force,
    ifMatch: ifMatch.flatMap((one) => ('document' in one ? [one] : [])),
    ifStoreRevision: whole.at(-1),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

/** Runs with a client, which is closed in any case. */
export async function withPolicies<T>(
  { admin, ...flags }: Pick<ServerFlags, 'admin'> & TlsFlags,
  use: (client: PoliciesClient) => Promise<T>,
): Promise<T> {
  const tls = tlsOf(flags);
  const { connectPolicies } = await import('../../edge/admin/index.ts');
  const client = connectPolicies(admin, { tls });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

function condition(text: string, before: readonly Condition[] = []): readonly Condition[] {
  const at = text.lastIndexOf('=');
  if (at === -1) return [...before, { storeRevision: wholeNumber(text) }];
  try {
    return [...before, { document: keyOf(text.slice(0, at)), revision: wholeNumber(text.slice(at + 1)) }];
  } catch {
    throw new InvalidArgumentError('expected a revision, or KIND/NAME=REVISION.');
  }
}
