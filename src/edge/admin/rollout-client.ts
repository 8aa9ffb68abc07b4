import { LoadlineError } from '../../base/errors.ts';
import type { RolloutView } from '../observe/index.ts';
import { adminService } from './admin-service.ts';
import { openClient } from './channel.ts';
import { inWords } from './client-words.ts';
import type { ConnectOptions } from './observe-client.ts';
import { decodeRollout } from './rollout-message.ts';
import type { RolloutAction } from './rollout-service.ts';
import type { Wire } from './wire-values.ts';

/** With the server's clock when it answered. */
export type RolloutAnswer = RolloutView & { readonly nowMs: number };

/** The Rollouts service, from the other side. Every call rejects with LoadlineError LOADLINE_ADMIN, in words for a person. */
export interface RolloutClient {
  get(): Promise<RolloutAnswer>;
  act(action: RolloutAction, reason: string): Promise<RolloutAnswer>;
  close(): void;
}

const DEFAULT_DEADLINE_MS = 5_000;

/** @throws LoadlineError LOADLINE_CONFIG, as `openClient`. Nothing is dialled before the first call. */
export function connectRollouts(address: string, options: ConnectOptions = {}): RolloutClient {
  const client = openClient('admin', address, options.tls);
  const service = adminService('Rollouts');
  const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  const call = (name: 'Get' | RolloutAction, request: Wire): Promise<RolloutAnswer> =>
    new Promise((resolve, reject) => {
      const method = service[name];
      if (method === undefined) throw new LoadlineError('LOADLINE_ADMIN', `the service has no method ${name}`);
      client.makeUnaryRequest<Wire, Wire>(
        method.path,
        method.requestSerialize as (value: Wire) => Buffer,
        method.responseDeserialize as (bytes: Buffer) => Wire,
        request,
        { deadline: Date.now() + deadlineMs },
        (error, answer) => {
          if (error === null) resolve(decodeRollout(answer as Wire));
          else reject(inWords(error, address, deadlineMs));
        },
      );
    });
  return { get: () => call('Get', {}), act: (action, reason) => call(action, { reason }), close: () => client.close() };
}
