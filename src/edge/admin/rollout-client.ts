import type { RolloutView } from '../observe/index.ts';
import { AdminCalls } from './admin-calls.ts';
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
  const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  const calls = new AdminCalls(client, 'Rollouts', deadlineMs);
  const call = async (name: 'Get' | RolloutAction, request: Wire): Promise<RolloutAnswer> => {
    try {
      return decodeRollout(await calls.unary(name, request));
    } catch (error) {
      throw inWords(error, address, deadlineMs);
    }
  };
  return { get: () => call('Get', {}), act: (action, reason) => call(action, { reason }), close: () => client.close() };
}
