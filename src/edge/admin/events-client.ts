import type { ServiceError } from '@grpc/grpc-js';
import { LoadlineError } from '../../base/errors.ts';
import { adminService } from './admin-service.ts';
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
  const method = adminService('Observe').Events;
  if (method === undefined) throw new LoadlineError('LOADLINE_ADMIN', 'the service has no method Events');
  const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  return {
    read: (query, onBatch, signal) =>
      new Promise((resolve, reject) => {
        const call = client.makeServerStreamRequest<Wire, Wire>(
          method.path,
          method.requestSerialize as (value: Wire) => Buffer,
          method.responseDeserialize as (bytes: Buffer) => Wire,
          encodeEventQuery(query),
          query.follow ? {} : { deadline: Date.now() + deadlineMs },
        );
        const stop = (): void => call.cancel();
        signal.addEventListener('abort', stop, { once: true });
        if (signal.aborted) stop();
        call.on('data', (wire: Wire) => onBatch(decodeEventBatch(wire)));
        const done = (): void => signal.removeEventListener('abort', stop);
        call.on('end', () => {
          done();
          resolve();
        });
        call.on('error', (error: ServiceError) => {
          done();
          if (signal.aborted) resolve();
          else reject(inWords(error, address, deadlineMs));
        });
      }),
    close: () => client.close(),
  };
}
