import { styleText } from 'node:util';
import type { Command } from 'commander';
import type { RolloutAction, RolloutAnswer } from '../../edge/admin/index.ts';
import type { GroupRolloutView } from '../../edge/observe/index.ts';
import { age, type Io, type OutputFormat, printValue, table } from '../io.ts';
import type { Finish } from '../main.ts';
import { outputOption } from '../output-flag.ts';
import { addTlsFlags, type TlsFlags, tlsOf } from '../tls-flags.ts';
import { DEFAULT_ADMIN } from './status.ts';

type Options = TlsFlags & {
  readonly admin: string;
  readonly output: OutputFormat;
  readonly watch?: boolean;
  readonly reason: string;
};

const WATCH_MS = 1000;

export function addRollout(program: Command, io: Io, finish: Finish): void {
  const rollout = program
    .command('rollout')
    .description('how a change spreads over the sidecars: canaries first, everybody later, back when it fails')
    .addHelpText(
      'after',
      '\nExamples:\n  loadline rollout status --watch\n  loadline rollout abort --reason "support has calls"',
    );
  const status = rollout
    .command('status', { isDefault: true })
    .description('the change that is tried now, canary by canary, and the one before it')
    .option('--watch', 'show it again each second until it is over');
  common(status).addHelpText(
    'after',
    '\nExit code 1: the newest change was taken back.\nExample:\n  loadline rollout status --watch',
  );
  status.action(async ({ admin, output, watch, ...flags }: Options) => {
    const { connectRollouts } = await import('../../edge/admin/index.ts');
    const client = connectRollouts(admin, { tls: tlsOf(flags) });
    try {
      let answer = await client.get();
      print(io, output, answer);
      while (watch === true && isUnderWay(answer)) {
        await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
        answer = await client.get();
        print(io, output, answer);
      }
      finish(!isUnderWay(answer) && answer.last?.outcome === 'Returned' ? 1 : 0);
    } finally {
      client.close();
    }
  });
  addAction(rollout, io, 'Promote', 'give what is tried to everybody now, whatever is left of the hold');
  addAction(rollout, io, 'Abort', 'take back what is tried: everybody has what was in force before');
  addAction(rollout, io, 'Retry', 'try once more what was taken back, as it is');
  addAction(rollout, io, 'Force', 'try a policy that is held back because it takes too much away');
}

function addAction(rollout: Command, io: Io, action: RolloutAction, description: string): void {
  const command = rollout
    .command(action.toLowerCase())
    .description(description)
    .requiredOption('--reason <TEXT>', 'why; it stands in the events and the log');
  common(command).action(async ({ admin, output, reason, ...flags }: Options) => {
    const { connectRollouts } = await import('../../edge/admin/index.ts');
    const client = connectRollouts(admin, { tls: tlsOf(flags) });
    try {
      print(io, output, await client.act(action, reason));
    } finally {
      client.close();
    }
  });
}

function common(command: Command): Command {
  command.option('--admin <ADDR>', 'address of the server', DEFAULT_ADMIN).addOption(outputOption());
  return addTlsFlags(command);
}

function isUnderWay({ running, waiting, byHand }: RolloutAnswer): boolean {
  return running !== null || waiting !== null || byHand !== null;
}

function print(io: Io, output: OutputFormat, answer: RolloutAnswer): void {
  const { running, waiting, byHand, last } = answer;
  if (output === 'table') io.out(rolloutText(answer, io.colour));
  else printValue(io, output, { running, waiting, byHand, last: last ?? null });
}

/** For a person; a sentence first, then who has it. */
export function rolloutText({ nowMs, running, waiting, byHand, last }: RolloutAnswer, colour: boolean): string {
  const paint = (style: 'red' | 'green' | 'yellow', text: string): string => (colour ? styleText(style, text) : text);
  const lines: string[] = [];
  if (running !== null) {
    const { cause, from, to, startedAtMs, groups } = running;
    const what = cause === 'Release' ? 'what this release compiles' : `revision ${to}`;
    lines.push(`${what} is tried since ${age(nowMs - startedAtMs)}; all others have ${from}`);
    lines.push(...groupLines(groups, nowMs));
  } else if (byHand === null) lines.push('nothing is tried');
  if (byHand !== null) {
    const { operations, startedAtMs, groups } = byHand;
    const what = operations.length === 0 ? 'what is done by hand' : operations.join(', ');
    lines.push(`${what}: on canaries first since ${age(nowMs - startedAtMs)} (loadline operations list)`);
    lines.push(...groupLines(groups, nowMs));
  }
  if (waiting !== null) lines.push(paint('yellow', `revision ${waiting} waits until canaries are free`));
  if (last !== undefined) {
    const { to, outcome, endedAtMs, why } = last;
    const style = outcome === 'Returned' ? 'red' : outcome === 'Passed' ? 'green' : 'yellow';
    lines.push(paint(style, `last: revision ${to} ${OUTCOME_WORDS[outcome]} ${age(nowMs - endedAtMs)} ago: ${why}`));
  }
  return `${lines.join('\n')}\n`;
}

function groupLines(groups: readonly GroupRolloutView[], nowMs: number): readonly string[] {
  const lines: string[] = [];
  for (const { group, sidecars, holdMs, heldSinceMs, canaries } of groups) {
    if (holdMs === null) lines.push(`${group}: all ${sidecars} sidecars have it, for want of a rollout strategy`);
    else if (canaries.length === 0) lines.push(`${group}: no sidecar is there to try it`);
    else {
      const rest = heldSinceMs === null ? 'not all have taken it' : `${age(holdMs - (nowMs - heldSinceMs))} to go`;
      lines.push(`${group}: ${canaries.length} of ${sidecars} sidecars, hold ${age(holdMs)}: ${rest}`);
      const rows = canaries.map(({ nodeId, standing, sinceMs }) => [nodeId, standing, age(nowMs - sinceMs)]);
      lines.push(
        table(
          ['  CANARY', 'STANDING', 'SINCE'],
          rows.map(([node, ...more]) => [`  ${node}`, ...(more as string[])]),
        ),
      );
    }
  }
  return lines;
}

const OUTCOME_WORDS = {
  Passed: 'went to everybody',
  Returned: 'was taken back',
  Superseded: 'gave way to another',
} as const;
