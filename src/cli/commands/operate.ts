import { type Command, InvalidArgumentError, Option } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import type { BeginRequest } from '../../edge/admin/index.ts';
import { addByHandFlags, type ByHandFlags, granted, withByHand } from '../by-hand.ts';
import { positiveDuration } from '../flag-values.ts';
import { type Io, printValue } from '../io.ts';
import type { Finish } from '../main.ts';
import { begunText, endedText } from '../operation-words.ts';

type What = BeginRequest['what'];
type Flags = ByHandFlags & {
  readonly for?: number;
  readonly until?: number;
  readonly reason: string;
  readonly force?: true;
  readonly now?: true;
  readonly dryRun?: true;
  readonly idempotencyKey?: string;
};
/** What all four share, before what each is about. */
type Asked = Pick<What, 'reason' | 'force' | 'now' | 'idempotencyKey'>;

export function addFreeze(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('freeze')
    .description('hold the weights of a service as they are, for a time')
    .argument('<SERVICE>', 'e.g. chat');
  addTerms(command)
    .addHelpText('after', '\nExample:\n  loadline freeze chat --for 30m --reason "release of the engine"')
    .action((service: string, flags: Flags) =>
      begin(io, finish, flags, (asked) => ({ kind: 'Freeze', service, ...asked })),
    );
}

export function addUnfreeze(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('unfreeze')
    .description('let the weights of a service move again')
    .argument('<SERVICE>', 'e.g. chat')

    .option('--reason <TEXT>', 'why, for the events and the audit trail', '');
  addByHandFlags(command)
    .addHelpText('after', '\nExample:\n  loadline unfreeze chat')
    .action(async (service: string, { reason, ...flags }: ByHandFlags & { readonly reason: string }) => {
      await withByHand(flags, async (client) => {
        const ended = granted(await client.unfreeze(service, reason));
        if (flags.output === 'table') io.out(endedText(ended));
        else printValue(io, flags.output, ended);
      });
      finish(0);
    });
}

export function addDrain(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('drain')
    .description('let a service, a pool or one endpoint take no new requests, for a time; what runs there goes on')
    .argument('<SERVICE[/POOL[/ENDPOINT]]>', 'e.g. chat/gpu/127.0.0.1:9101');
  addTerms(command)
    .addHelpText('after', '\nExample:\n  loadline drain chat/gpu/127.0.0.1:9101 --for 30m --reason "kernel update"')
    .action((target: string, flags: Flags) =>
      begin(io, finish, flags, (asked) => {
        const parts = target.split('/');
        // `chat/gpu/` must not come to mean the whole pool.
        if (parts.includes(''))
          throw new LoadlineError(
            'LOADLINE_CONFIG',
            `${target}: expected SERVICE, SERVICE/POOL or SERVICE/POOL/ADDRESS:PORT`,
          );
        const [service = '', pool, ...rest] = parts;
        const endpoint = rest.length === 0 ? {} : { endpoint: rest.join('/') };
        return { kind: 'Drain', service, ...(pool === undefined ? {} : { pool }), ...endpoint, ...asked };
      }),
    );
}

export function addFailover(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('failover')
    .description('take a pool of a service out while the others carry its traffic, for a time')
    .argument('<SERVICE>', 'e.g. chat')
    .requiredOption('--from <POOL>', 'the pool that takes no new requests')
    .option('--to <POOL>', 'the only pool that takes requests then; otherwise all others do');
  addTerms(command)
    .addHelpText(
      'after',
      '\nExample:\n  loadline failover chat --from gpu-a --to gpu-b --for 2h --reason "rack 7 is moved"',
    )
    .action((service: string, { from, to, ...flags }: Flags & { readonly from: string; readonly to?: string }) =>
      begin(io, finish, flags, (asked) => ({
        kind: 'Failover',
        service,
        from,
        ...(to === undefined ? {} : { to }),
        ...asked,
      })),
    );
}

export function addShed(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('shed')
    .description('let sidecars answer a part of the new requests of a service with 503 and Retry-After, for a time')
    .argument('<SERVICE>', 'e.g. chat')
    .argument('<PERCENT>', '1% to 100%', readPercent)
    .option(
      '--class <CLASS>',
      'of one traffic class alone, also of one with `shed: Never`; otherwise of all that may be shed',
    );
  addTerms(command)
    .addHelpText(
      'after',
      '\nIt lapses within 15 s when no server is left.\nExample:\n  loadline shed chat 20% --for 10m --reason "queue of minutes"',
    )
    .action((service: string, percent: number, { class: name, ...flags }: Flags & { readonly class?: string }) =>
      begin(io, finish, flags, (asked) => ({
        kind: 'Shed',
        service,
        percent,
        ...(name === undefined ? {} : { class: name }),
        ...asked,
      })),
    );
}

function addTerms(command: Command): Command {
  command
    .addOption(new Option('--for <DURATION>', 'how long, e.g. 30m; at most 30 days').argParser(positiveDuration))
    .addOption(new Option('--until <TIME>', 'in place of it: its end, e.g. 2026-01-31T18:30:00Z').argParser(readTime))
    .requiredOption('--reason <TEXT>', 'why; it stands in explain, the events and the audit trail')
    .option('--force', 'begin it although a check stops it; needs the role Admin')
    .option('--now', 'everywhere at once; otherwise the canaries of groups with `rollout` have it first')
    .option('--dry-run', 'check it, say what would happen, and begin nothing')
    .option('--idempotency-key <KEY>', 'of your own choice: repeated with it, the command begins nothing twice');
  return addByHandFlags(command);
}

async function begin(io: Io, finish: Finish, flags: Flags, whatOf: (asked: Asked) => What): Promise<void> {
  const { for: forMs, until, reason, force = false, now, dryRun = false, idempotencyKey, output } = flags;
  if ((forMs === undefined) === (until === undefined))
    throw new LoadlineError('LOADLINE_CONFIG', 'every operation has an end: give either --for or --until');
  const end: BeginRequest['end'] =
    until === undefined ? { kind: 'For', ms: forMs as number } : { kind: 'At', atMs: until };
  const what = whatOf({
    reason,
    force,
    ...(now === undefined ? {} : { now }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  });
  await withByHand(flags, async (client) => {
    const begun = granted(await client.begin({ what, end, dryRun }));
    if (output === 'table') io.out(begunText(begun, Date.now(), dryRun));
    else printValue(io, output, begun);
  });
  finish(0);
}

function readPercent(text: string): number {
  const match = /^(\d{1,3})\s*%$/.exec(text.trim());
  if (match === null) throw new InvalidArgumentError('expected a whole percentage such as 20%.');
  return Number(match[1]);
}

/** With a zone: a time without one would be another in the server's place. */
function readTime(text: string): number {
  const atMs = /T.*(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs))
    throw new InvalidArgumentError('expected a time with its zone, such as 2026-01-31T18:30:00Z.');
  return atMs;
}
