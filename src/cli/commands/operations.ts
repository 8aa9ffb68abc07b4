import type { Command } from 'commander';
import type { OperationView } from '../../edge/observe/index.ts';
import { addByHandFlags, type ByHandFlags, granted, withByHand } from '../by-hand.ts';
import { age, type Io, printValue, table } from '../io.ts';
import type { Finish } from '../main.ts';
import { endedText } from '../operation-words.ts';

export function addOperations(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('operations')
    .description('what operators do by hand: list, cancel')
    .addHelpText('after', '\nExamples:\n  loadline operations list --all\n  loadline operations cancel drain-k3x9');
  const list = command
    .command('list')
    .description('what runs now, until when and why')
    .argument('[SERVICE]', 'of one service alone')
    .option('--all', 'also what ended within a day');
  addByHandFlags(list).action(
    async (service: string | undefined, { all, ...flags }: ByHandFlags & { readonly all?: true }) => {
      const operations = await withByHand(flags, (client) =>
        client.list({ ...(service === undefined ? {} : { service }), finished: all === true }),
      );
      if (flags.output === 'table') io.out(listText(operations, Date.now()));
      else printValue(io, flags.output, operations);
      finish(0);
    },
  );
  const cancel = command
    .command('cancel')
    .description('end an operation before its time')
    .argument('<ID>', 'e.g. drain-k3x9')
    .option('--reason <TEXT>', 'why, for the events and the audit trail', '');
  addByHandFlags(cancel).action(async (id: string, { reason, ...flags }: ByHandFlags & { readonly reason: string }) => {
    const ended = granted(await withByHand(flags, (client) => client.cancel(id, reason)));
    if (flags.output === 'table') io.out(endedText(ended));
    else printValue(io, flags.output, ended);
    finish(0);
  });
}

export function listText(operations: readonly OperationView[], nowMs: number): string {
  if (operations.length === 0) return 'Nothing is done by hand.\n';
  const rows = operations.map((one) => [
    one.id,
    one.target,
    whatOf(one),
    stateOf(one),
    one.state === 'Running' ? `in ${age(one.endsAtMs - nowMs)}` : `${age(nowMs - (one.finishedAtMs ?? nowMs))} ago`,
    one.author,
    one.reason,
  ]);
  const notes = operations.flatMap(({ id, note, cancelledBy, cancelReason }) => {
    if (note !== null) return [`${id}: ${note}`];
    return cancelReason === null ? [] : [`${id}: cancelled by ${cancelledBy ?? 'somebody'}: ${cancelReason}`];
  });
  return `${[table(['ID', 'TARGET', 'WHAT', 'STATE', 'ENDS', 'BY', 'REASON'], rows), ...notes].join('\n')}\n`;
}

/** What runs stands by how far it is. */
function stateOf({ state, phase, note }: OperationView): string {
  if (state !== 'Running') return state;
  if (note !== null) return 'Suspended';
  return phase === 'Canary' ? 'Canary' : 'Running';
}

function whatOf({ kind, percent, toPool }: OperationView): string {
  if (percent !== null) return `${kind} ${percent} %`;
  return toPool === null ? kind : `${kind} to ${toPool}`;
}
