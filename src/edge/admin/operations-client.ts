import { type ServiceError, status } from '@grpc/grpc-js';
import { LoadlineError } from '../../base/errors.ts';
import type { Result } from '../../base/units/index.ts';
import { adminService } from './admin-service.ts';
import { openClient } from './channel.ts';
import { inWords } from './client-words.ts';
import type { ConnectOptions } from './observe-client.ts';
import { decodeProbeEvent, encodeProbeRequest, type ProbeEvent, type ProbeRequest } from './probe-message.ts';
import type { Wire } from './wire-values.ts';

/** The Operations service, from the other side. */
export interface OperationsClient {
  /**
   * Runs a probe to its end and gives its last event; the others go to `onEvent` as they come. Issues (`Refused`) when the
   * server says no. Rejects with LoadlineError LOADLINE_ADMIN when the server cannot be reached or goes away.
   */
  probe(request: ProbeRequest, onEvent: (event: ProbeEvent) => void): Promise<Result<ProbeEvent>>;
  /** Ends the probe under way: its step is taken back. */
  cancel(): void;
  close(): void;
}

/** Beyond the end that the server names: a stream that says nothing any more is given up. */
const GRACE_MS = 30_000;
const REFUSALS: readonly (status | undefined)[] = [
  status.NOT_FOUND,
  status.INVALID_ARGUMENT,
  status.FAILED_PRECONDITION,
];

/** @throws LoadlineError LOADLINE_CONFIG, as `openClient`. Nothing is dialled before the first call. */
export function connectOperations(address: string, { tls }: Pick<ConnectOptions, 'tls'> = {}): OperationsClient {
  const client = openClient('admin', address, tls);
  const method = adminService('Operations').Probe;
  if (method === undefined) throw new LoadlineError('LOADLINE_ADMIN', 'the service has no method Probe');

  let running: { cancel(): void } | undefined;

  const probe = (request: ProbeRequest, onEvent: (event: ProbeEvent) => void): Promise<Result<ProbeEvent>> =>
    new Promise((resolve, reject) => {
      const deadlineMs = 2 * request.holdMs + GRACE_MS;
      const call = client.makeServerStreamRequest<Wire, Wire>(
        method.path,
        method.requestSerialize as (value: Wire) => Buffer,
        method.responseDeserialize as (bytes: Buffer) => Wire,
        encodeProbeRequest(request),
        { deadline: Date.now() + deadlineMs },
      );
      running = call;
      let last: ProbeEvent | undefined;
      call.on('data', (wire: Wire) => {
        last = decodeProbeEvent(wire) ?? last;
        if (last !== undefined) onEvent(last);
      });
      call.on('end', () => {
        if (last?.kind === 'Ended' || last?.kind === 'Aborted') resolve({ ok: true, value: last, warnings: [] });
        else if (last !== undefined)
          reject(new LoadlineError('LOADLINE_ADMIN', `${address} ended the probe without a word`));
      });
      call.on('error', (error: ServiceError) => {
        const { code, details } = error;
        if (!REFUSALS.includes(code)) reject(inWords(error, address, deadlineMs));
        else resolve({ ok: false, issues: [{ code: 'Refused', path: '', message: details }] });
      });
    });

  return {
    probe,
    cancel: () => running?.cancel(),
    close: () => {
      running?.cancel();
      client.close();
    },
  };
}
