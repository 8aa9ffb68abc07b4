import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { EVENT_KINDS, type EventTimeline, type Log, serviceOfEvent, type TimelineEvent } from '../observe/index.ts';
import { decodeEventQuery, type EventQuery, encodeEventBatch } from './event-message.ts';
import type { Permit } from './gate.ts';
import { News } from './news.ts';
import { OpenStreams, type StreamCall } from './open-streams.ts';

/** What readers of events read. */
export type EventsSeam = {
  readonly timeline: Pick<EventTimeline, 'list' | 'newest' | 'watch'>;
  readonly now: () => number;
};

/** Each costs a look at every event. */
const MAX_STREAMS = 200;
/** An event has about 0.3 KB, and one of weights up to 0.6. */
const MAX_BATCH = 100;

type Refusal = { readonly code: status; readonly details: string };

/**
 * Streams of events, each as fast as its reader. Nothing is kept for a reader but the sequence where it stands: the timeline
 * keeps the newest events for all, and who comes too late is told how many are gone.
 */
export class EventStreams {
  readonly #seam: EventsSeam;
  readonly #log: Log;
  readonly #running = new OpenStreams();

  constructor(seam: EventsSeam, log: Log) {
    this.#seam = seam;
    this.#log = log;
  }

  /** Ends with its call. Never rejects. */
  async serve(call: StreamCall, permit: Permit): Promise<void> {
    const query = decodeEventQuery(call.request);
    const refusal = this.#refusal(query);
    if (refusal !== undefined) {
      call.emit('error', refusal);
      return;
    }
    await this.#running.run(
      call,
      async (signal) => {
        await this.#follow(call, query, permit, signal);
        return undefined;
      },
      (error) => {
        this.#log.error({ err: error, method: 'Events' }, 'admin request failed');
        return { code: status.INTERNAL, details: 'the server failed to answer; its log says why' };
      },
    );
  }

  stop(): void {
    this.#running.stop();
  }

  #refusal({ kinds, after }: EventQuery): Refusal | undefined {
    const { timeline } = this.#seam;
    const unknown = kinds.find((kind) => !Object.hasOwn(EVENT_KINDS, kind));
    if (unknown !== undefined) {
      const details = `no kind of event is called "${unknown.slice(0, 80)}"; there are: ${Object.keys(EVENT_KINDS).join(', ')}`;
      return { code: status.INVALID_ARGUMENT, details };
    }
    if (after !== undefined && after > timeline.newest) {
      const details = `there is no event ${after}: the newest is ${timeline.newest}, since the server was started anew`;
      return { code: status.OUT_OF_RANGE, details };
    }
    if (this.#running.size >= MAX_STREAMS)
      return { code: status.RESOURCE_EXHAUSTED, details: `${MAX_STREAMS} are reading events already` };
    return undefined;
  }

  async #follow(call: StreamCall, query: EventQuery, permit: Permit, signal: AbortSignal): Promise<void> {
    const { timeline, now } = this.#seam;
    const wanted = filterOf(query, query.maxAgeMs === undefined ? undefined : now() - query.maxAgeMs, permit);
    const news = new News();
    const unwatch = timeline.watch(() => news.tell());
    try {
      // Where nothing was asked for, what is gone already is no loss.
      let seen = query.after ?? (timeline.list()[0]?.sequence ?? 0) - 1;
      for (;;) {
        const batch = timeline.list({ after: seen }).slice(0, MAX_BATCH);
        const [first] = batch;
        const last = batch.at(-1);
        if (first === undefined || last === undefined) {
          if (!query.follow) return;
          await news.come(signal);
          continue;
        }
        const skipped = first.sequence - seen - 1;
        seen = last.sequence;
        const events = batch.filter(wanted);
        if ((events.length > 0 || skipped > 0) && !call.write(encodeEventBatch({ skipped, events })))
          await once(call, 'drain', { signal });
      }
    } finally {
      unwatch();
    }
  }
}

function filterOf(
  { kinds, subjects }: EventQuery,
  sinceMs: number | undefined,
  permit: Permit,
): (event: TimelineEvent) => boolean {
  const ofKind = new Set(kinds);
  return (event) => {
    const { atMs, kind, subject } = event;
    if (sinceMs !== undefined && atMs < sinceMs) return false;
    if (ofKind.size > 0 && !ofKind.has(kind)) return false;
    if (subjects.length > 0 && !subjects.some((one) => subject === one || subject.startsWith(`${one}/`))) return false;
    if (permit.everywhere) return true;
    const service = serviceOfEvent(event);
    return service !== undefined && permit.mayFor(service);
  };
}
