import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import type { EventBatch, EventView } from '../../edge/admin/index.ts';
import { eventHead, eventLine, eventValue } from '../event-words.ts';
import { positiveDuration } from '../flag-values.ts';
import { untilInterrupted } from '../interrupt.ts';
import { type Io, type OutputFormat, printValue } from '../io.ts';
import type { Finish } from '../main.ts';
import { outputOption } from '../output-flag.ts';
import { addTlsFlags, type TlsFlags, tlsOf } from '../tls-flags.ts';
import { DEFAULT_ADMIN } from './status.ts';

type Flags = TlsFlags & {
  readonly admin: string;
  readonly output: OutputFormat;
  readonly follow?: boolean;
  readonly since?: number;
  readonly kind?: readonly string[];
  readonly for?: readonly string[];
};

export function addEvents(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('events')
    .description('what happened lately: policies, sidecars, refusals, weights, operations, rollouts')
    .option('--admin <ADDR>', 'address of the server', DEFAULT_ADMIN)
    .option('--follow', 'go on with what happens, until you end it')
    .addOption(new Option('--since <DURATION>', 'only what is not older, such as 10m').argParser(positiveDuration))
    .option('--kind <KIND...>', 'only events of these kinds, such as Nack or WeightsPushed')
    .option('--for <SUBJECT...>', 'only about these and what is below them, such as chat or chat/gpu')
    .addOption(outputOption());
  addTlsFlags(command)
    .addHelpText(
      'after',
      `
With --follow, JSON is one object in each line, and YAML one document for each event.
The server keeps the newest thousand events since its start.

Examples:
  loadline events --since 10m --for chat
  loadline events --follow --kind Nack PolicyRefused --output json`,
    )
    .action(async ({ admin, output, follow = false, since, kind = [], for: subjects = [], ...flags }: Flags) => {
      const { connectEvents } = await import('../../edge/admin/index.ts');
      const client = connectEvents(admin, { tls: tlsOf(flags) });
      const printer = follow ? following(io, output) : collecting(io, output);
      try {
        const query = { maxAgeMs: since, kinds: kind, subjects, follow };
        await untilInterrupted((signal) => client.read(query, printer.take, signal));
        printer.end();
        finish(0);
      } finally {
        client.close();
      }
    });
}

type Printer = { readonly take: (batch: EventBatch) => void; readonly end: () => void };

/** One by one, as they come. */
function following(io: Io, output: OutputFormat): Printer {
  if (output === 'table') io.out(eventHead());
  const print = (event: EventView): void => {
    if (output === 'table') io.out(eventLine(event, io.colour));
    else if (output === 'json') io.out(`${JSON.stringify(eventValue(event))}\n`);
    else io.out(`---\n${stringify(eventValue(event))}`);
  };
  return {
    take: ({ skipped, events }) => {
      if (skipped > 0) io.err(`${skippedWords(skipped)}\n`);
      for (const event of events) print(event);
    },
    end: () => {},
  };
}

/** All at once. */
function collecting(io: Io, output: OutputFormat): Printer {
  const events: EventView[] = [];
  return {
    take: (batch) => {
      if (batch.skipped > 0) io.err(`${skippedWords(batch.skipped)}\n`);
      events.push(...batch.events);
    },
    end: () => {
      if (output !== 'table') printValue(io, output, { events: events.map(eventValue) });
      else if (events.length === 0) io.err('no events\n');
      else io.out(eventHead() + events.map((event) => eventLine(event, io.colour)).join(''));
    },
  };
}

function skippedWords(skipped: number): string {
  return `${skipped} event(s) were gone before they could be read`;
}
