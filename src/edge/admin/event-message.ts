import type { EventFields, TimelineEvent } from '../observe/index.ts';
import { fromSeconds, list, number, numberOrNull, text, texts, toSeconds, type Wire } from './wire-values.ts';

export type EventQuery = {
  /** Sequence of the last event that was seen; absent: all that are kept. */
  readonly after?: number | undefined;
  readonly maxAgeMs?: number | undefined;
  /** Empty: all. */
  readonly kinds: readonly string[];
  /** These, and what is below them. Empty: all. */
  readonly subjects: readonly string[];
  readonly follow: boolean;
};

/** An event as it arrives: a newer server may have kinds that this version does not know. */
export type EventView = Omit<TimelineEvent, 'kind'> & { readonly kind: string };

/** `skipped`: how many were gone before the reader could have them. */
export type EventBatch = { readonly skipped: number; readonly events: readonly EventView[] };

export function encodeEventQuery({ after, maxAgeMs, kinds, subjects, follow }: EventQuery): Wire {
  return { after, maxAge: toSeconds(maxAgeMs), kinds, subjects, follow };
}

export function decodeEventQuery(wire: Wire): EventQuery {
  return {
    after: numberOrNull(wire.after) ?? undefined,
    maxAgeMs: fromSeconds(wire.maxAge) ?? undefined,
    kinds: texts(wire.kinds),
    subjects: texts(wire.subjects),
    follow: wire.follow === true,
  };
}

export function encodeEventBatch({ skipped, events }: EventBatch): Wire {
  return {
    skipped,
    events: events.map(({ sequence, atMs, kind, subject, message, fields }) => ({
      sequence,
      time: toSeconds(atMs),
      kind,
      subject,
      message,
      fields: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, encodeValue(value)])),
    })),
  };
}

export function decodeEventBatch(wire: Wire): EventBatch {
  return {
    skipped: number(wire.skipped),
    events: list(wire.events, (event) => ({
      sequence: number(event.sequence),
      atMs: fromSeconds(event.time) ?? 0,
      kind: text(event.kind),
      subject: text(event.subject),
      message: text(event.message),
      fields: Object.fromEntries(
        Object.entries((event.fields ?? {}) as Readonly<Record<string, Wire>>).map(([name, value]) => [
          name,
          decodeValue(value),
        ]),
      ),
    })),
  };
}

function encodeValue(value: EventFields[string]): Wire {
  if (value === null) return {};
  if (typeof value === 'string') return { text: value };
  return typeof value === 'number' ? { number: value } : { flag: value };
}

function decodeValue({ text: words, number: amount, flag }: Wire): EventFields[string] {
  return (words ?? amount ?? flag ?? null) as EventFields[string];
}
