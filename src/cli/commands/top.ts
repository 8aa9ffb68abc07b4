import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import type { ServerView } from '../../edge/observe/index.ts';
import type { Io } from '../io.ts';
import type { Finish } from '../main.ts';
import { redrawn, type Terminal } from '../terminal.ts';
import { addTlsFlags, type TlsFlags, tlsOf } from '../tls-flags.ts';
import { topText } from '../top-words.ts';
import { DEFAULT_ADMIN } from './status.ts';

type Flags = TlsFlags & { readonly admin: string; readonly once?: boolean };

const EVERY_MS = 1000;

export function addTop(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('top')
    .description('endpoints live, those under the most pressure first: weight, share, requests in flight, state')
    .argument('[SERVICE]', 'only those of this model service')
    .option('--admin <ADDR>', 'address of the server', DEFAULT_ADMIN)
    .option('--once', 'print once and end, as it does without a terminal');
  addTlsFlags(command)
    .addHelpText(
      'after',
      '\nRefreshed each second; q or ctrl-c ends it. For programs: loadline status --output json.\n\nExamples:\n  loadline top\n  loadline top chat --once',
    )
    .action(async (service: string | undefined, { admin, once, ...flags }: Flags) => {
      const { connectObserve } = await import('../../edge/admin/index.ts');
      const client = connectObserve(admin, { tls: tlsOf(flags) });
      try {
        const first = await client.status();
        known(first, service);
        if (once === true || io.terminal === undefined) io.out(topText(first, { service, colour: io.colour }));
        else await live(io, io.terminal, first, service, () => client.status());
        finish(0);
      } finally {
        client.close();
      }
    });
}

/** Until a key ends it. A server that goes away is waited for: it may be restarting. */
async function live(
  io: Io,
  terminal: Terminal,
  first: ServerView,
  service: string | undefined,
  ask: () => Promise<ServerView>,
): Promise<void> {
  const ending = new AbortController();
  const close = terminal.open((key) => {
    if (key === 'q' || key === 'ctrl-c') ending.abort();
  });
  try {
    let view = first;
    let trouble = '';
    while (!ending.signal.aborted) {
      const rows = terminal.rows() - (trouble === '' ? 0 : 1);
      io.out(redrawn(`${trouble}${topText(view, { service, rows, colour: io.colour })}`));
      await sleep(EVERY_MS, undefined, { signal: ending.signal }).catch(ifAborted(ending.signal));
      if (ending.signal.aborted) return;
      try {
        view = await ask();
        trouble = '';
      } catch (error) {
        if (!(error instanceof LoadlineError)) throw error;
        trouble = `what follows is old: ${error.message}\n`;
      }
    }
  } finally {
    close();
  }
}

function ifAborted(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}

/** @throws LoadlineError LOADLINE_ADMIN for a service that there is not */
function known({ services }: ServerView, service: string | undefined): void {
  const names = services.map(({ name }) => name);
  if (service === undefined || names.includes(service)) return;
  throw new LoadlineError('LOADLINE_ADMIN', `no service "${service}"; known: ${names.join(', ') || 'none'}`);
}
