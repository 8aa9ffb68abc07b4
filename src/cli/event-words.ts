import { styleText } from 'node:util';
import type { EventView } from '../edge/admin/index.ts';

/** What somebody should look into, and what is bad already. */
const BAD: ReadonlySet<string> = new Set([
  'Nack',
  'PolicyRefused',
  'RolloutReturned',
  'EndpointDrained',
  'TierGivenUp',
]);
const ODD: ReadonlySet<string> = new Set([
  'Herd',
  'SignalConflict',
  'NodeDisconnected',
  'OperationSuspended',
  'OverloadLevel',
  'EndpointCold',
  'PromptRefused',
]);
/** The longest kind has 18 letters; lines of a stream cannot wait for the widest cell. */
const KIND_WIDTH = 18;
const SUBJECT_WIDTH = 28;
const TIME_WIDTH = 24;

export function eventHead(): string {
  return `${'TIME'.padEnd(TIME_WIDTH)}  ${'KIND'.padEnd(KIND_WIDTH)}  ${'SUBJECT'.padEnd(SUBJECT_WIDTH)}  MESSAGE\n`;
}

export function eventLine({ atMs, kind, subject, message }: EventView, colour: boolean): string {
  const word = kind.padEnd(KIND_WIDTH);
  const painted = !colour
    ? word
    : BAD.has(kind)
      ? styleText('red', word)
      : ODD.has(kind)
        ? styleText('yellow', word)
        : word;
  // Envoy's words may have several lines, and one event is one line.
  const text = message.replaceAll(/\s+/g, ' ').trim();
  return `${timeOf(atMs)}  ${painted}  ${subject.padEnd(SUBJECT_WIDTH)}  ${text}`.trimEnd().concat('\n');
}

/** For programs. */
export function eventValue({
  sequence,
  atMs,
  kind,
  subject,
  message,
  fields,
}: EventView): Readonly<Record<string, unknown>> {
  return { sequence, time: timeOf(atMs), kind, subject, message, fields };
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString();
}
