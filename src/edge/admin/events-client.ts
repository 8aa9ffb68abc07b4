import { AdminCalls } from './admin-calls.ts';
import { openClient } from './channel.ts';
import { inWords } from './client-words.ts';
import { decodeEventBatch, type EventBatch, type EventQuery, encodeEventQuery } from './event-message.ts';
import type { ConnectOptions } from './observe-client.ts';
import type { Wire } from './wire-values.ts';

/** Events of the Observe service, from the other side. */
export interface EventsClient {
  /**
   * Until the server has said all, or `signal` is aborted. With `follow` there is no deadline.
   * @throws LoadlineError LOADLINE_ADMIN, in words for a person
   */
  read(query: EventQuery, onBatch: (batch: EventBatch) => void, signal: AbortSignal): Promise<void>;
  close(): void;
}

const DEFAULT_DEADLINE_MS = 5_000;

/** @throws LoadlineError LOADLINE_CONFIG, as `openClient`. Nothing is dialled before the first call. */
export function connectEvents(address: string, options: ConnectOptions = {}): EventsClient {
  const client = openClient('admin', address, options.tls);
  const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  const calls = new AdminCalls(client, 'Observe', deadlineMs);
  return {
    read: async (query, onBatch, signal) => {
      const take = (wire: Wire): void => onBatch(decodeEventBatch(wire));
      try {
        await calls.stream('Events', encodeEventQuery(query), take, { signal, endless: query.follow });
      } catch (error) {
        throw inWords(error, address, deadlineMs);
      }
    },
    close: () => client.close(),
  };
}
