import type { Command } from 'commander';
import { LoadlineError } from '../base/errors.ts';
import type { Result } from '../base/units/index.ts';
import type { ByHandClient } from '../edge/admin/index.ts';
import { DEFAULT_ADMIN } from './commands/status.ts';
import type { OutputFormat } from './io.ts';
import { outputOption } from './output-flag.ts';
import { addTlsFlags, type TlsFlags, tlsOf } from './tls-flags.ts';

/** Flags of every command that does something by hand. */
export type ByHandFlags = TlsFlags & { readonly admin: string; readonly output: OutputFormat };

export function addByHandFlags(command: Command): Command {
  return addTlsFlags(
    command.option('--admin <ADDR>', 'address of the server', DEFAULT_ADMIN).addOption(outputOption()),
  );
}

export async function withByHand<T>(flags: ByHandFlags, use: (client: ByHandClient) => Promise<T>): Promise<T> {
  const tls = tlsOf(flags);
  const { connectByHand } = await import('../edge/admin/index.ts');
  const client = connectByHand(flags.admin, { tls });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

/** @throws LoadlineError LOADLINE_ADMIN with the server's words when it said no */
export function granted<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new LoadlineError('LOADLINE_ADMIN', result.issues.map(({ message }) => message).join('; '));
}
