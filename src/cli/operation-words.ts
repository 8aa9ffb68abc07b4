import type { OperationView } from '../edge/observe/index.ts';
import { age } from './io.ts';

/** One line about an operation that runs. */
export function operationLine({ id, effect, note, endsAtMs, reason, author, forced, phase }: OperationView): string {
  const has = note === null ? effect : `${note} (${effect})`;
  const who = phase === 'Canary' ? ' (canaries alone so far)' : '';
  return `${id}: ${has}${who}; until ${instant(endsAtMs)} (${reason}; ${author}${forced ? '; forced' : ''})`;
}

/** What was begun, or would be: what happens, until when, what else to know, and how to end it before. */
export function begunText(
  {
    operation,
    notes,
    replayed,
  }: { readonly operation: OperationView; readonly notes: readonly string[]; readonly replayed: boolean },
  nowMs: number,
  dryRun: boolean,
): string {
  const { id, effect, endsAtMs, reason, state } = operation;
  const head = dryRun ? `would begin a ${operation.kind}` : replayed ? `${id} was begun before` : id;
  const lines = [
    `${head}: ${effect}`,
    `until ${instant(endsAtMs)} (${age(endsAtMs - nowMs)} from now), because: ${reason}`,
    ...notes.map((note) => `note: ${note}`),
    ...(dryRun || state !== 'Running' ? [] : [`to end it before: loadline operations cancel ${id}`]),
  ];
  return `${lines.join('\n')}\n`;
}

export function endedText({
  operation,
  endedBefore,
}: {
  readonly operation: OperationView;
  readonly endedBefore: boolean;
}): string {
  const { id, state, finishedAtMs, cancelledBy } = operation;
  const how = state === 'Cancelled' ? `cancelled by ${cancelledBy ?? 'somebody'}` : 'over: its end came';
  return endedBefore ? `${id} had ended before, at ${instant(finishedAtMs ?? 0)}: ${how}\n` : `${id} is ${how}\n`;
}

function instant(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
