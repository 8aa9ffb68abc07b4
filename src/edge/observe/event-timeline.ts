import { scrubText } from '../../base/units/index.ts';
import type { EventKind } from './event-kinds.ts';

export type EventFields = Readonly<Record<string, string | number | boolean | null>>;

/** One thing that happened and that an operator may ask about later. */
export type TimelineEvent = {
  /** Rises by one with every event since the start of the server: a reader asks for what came after the last it saw. */
  readonly sequence: number;
  readonly atMs: number;
  readonly kind: EventKind;
  /** What it happened to: a service, a node, a file. */
  readonly subject: string;
  readonly message: string;
  readonly fields: EventFields;
};

export type NewEvent = Omit<TimelineEvent, 'sequence' | 'fields'> & { readonly fields?: EventFields };

const DEFAULT_CAPACITY = 1000;

/** The newest events, in a ring: a server that runs for a year holds as many as one that runs for an hour. */
export class EventTimeline {
  readonly #capacity: number;
  readonly #ring: TimelineEvent[] = [];
  readonly #watchers = new Set<() => void>();
  #next = 0;

  constructor(capacity: number = DEFAULT_CAPACITY) {
    this.#capacity = Math.max(1, Math.floor(capacity));
  }

  add(event: NewEvent): TimelineEvent {
    const stored: TimelineEvent = {
      sequence: this.#next,
      atMs: event.atMs,
      kind: event.kind,
      subject: event.subject,
      message: scrubText(event.message),
      fields: event.fields ?? {},
    };
    this.#ring[this.#next % this.#capacity] = stored;
    this.#next += 1;
    for (const tell of this.#watchers) tell();
    return stored;
  }

  /** Calls `tell` after each event, which must not throw; the answer ends it. */
  watch(tell: () => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  /** Sequence of the newest event; -1 before the first. */
  get newest(): number {
    return this.#next - 1;
  }

  /** @returns oldest first: the newest `limit` of those with a sequence above `after`. */
  list(query: { readonly after?: number; readonly limit?: number } = {}): readonly TimelineEvent[] {
    const first = Math.max(this.#next - this.#ring.length, (query.after ?? -1) + 1);
    const start = Math.max(first, this.#next - (query.limit ?? this.#capacity));
    const events: TimelineEvent[] = [];
    for (let sequence = start; sequence < this.#next; sequence += 1) {
      events.push(this.#ring[sequence % this.#capacity] as TimelineEvent);
    }
    return events;
  }
}
