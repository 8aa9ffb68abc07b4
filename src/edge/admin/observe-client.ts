import { type ServiceError, status } from '@grpc/grpc-js';
import type { Result } from '../../base/units/index.ts';
import type { ExplainTarget, ExplainView, ProxyConfigTarget, ProxyConfigView, ServerView } from '../observe/index.ts';
import type { ClientTlsFiles } from '../tls/index.ts';
import { AdminCalls } from './admin-calls.ts';
import { openClient } from './channel.ts';
import { inWords } from './client-words.ts';
import { decodeExplain, encodeTarget } from './explain-message.ts';
import { decodeProxyConfig, encodeProxyTarget } from './proxy-config-message.ts';
import { decodeStatus } from './status-message.ts';
import type { Wire } from './wire-values.ts';

/** The Observe service, from the other side. Every call rejects with LoadlineError LOADLINE_ADMIN, in words for a person. */
export interface ObserveClient {
  status(): Promise<ServerView>;
  /** Issues (`NotFound`) when there is no such service, pool or endpoint, or (`Invalid`) when the target names none. */
  explain(target: ExplainTarget): Promise<Result<ExplainView>>;
  /** Issues (`NotFound`) when no such sidecar is connected, or (`Invalid`) for a type that there is not. */
  proxyConfig(target: ProxyConfigTarget): Promise<Result<ProxyConfigView>>;
  close(): void;
}

export type ConnectOptions = {
  readonly deadlineMs?: number;
  /** Without it in plaintext, as with `--dev`. */
  readonly tls?: ClientTlsFiles | undefined;
};

const DEFAULT_DEADLINE_MS = 5_000;
/** A thousand endpoints take about 0.3 MB; a hundred times that is a mistake. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** @throws LoadlineError LOADLINE_CONFIG, as `openClient`. Nothing is dialled before the first call. */
export function connectObserve(address: string, options: ConnectOptions = {}): ObserveClient {
  const client = openClient('admin', address, options.tls, { 'grpc.max_receive_message_length': MAX_ANSWER_BYTES });
  const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  const calls = new AdminCalls(client, 'Observe', deadlineMs);

  /** The words of a refusal are for the caller; everything else is an error. */
  const ask = async <T>(
    name: 'Explain' | 'ProxyConfig',
    request: Wire,
    decode: (answer: Wire) => T,
  ): Promise<Result<T>> => {
    try {
      return { ok: true, value: decode(await calls.unary(name, request)), warnings: [] };
    } catch (error) {
      const { code, details } = error as Partial<ServiceError>;
      if (code === status.NOT_FOUND || code === status.INVALID_ARGUMENT) {
        const issue = code === status.NOT_FOUND ? 'NotFound' : 'Invalid';
        return { ok: false, issues: [{ code: issue, path: '', message: details ?? '' }] };
      }
      throw inWords(error, address, deadlineMs);
    }
  };

  return {
    status: async () => {
      try {
        return decodeStatus(await calls.unary('Status', {}));
      } catch (error) {
        throw inWords(error, address, deadlineMs);
      }
    },
    explain: (target) => ask('Explain', encodeTarget(target), decodeExplain),
    proxyConfig: (target) => ask('ProxyConfig', encodeProxyTarget(target), decodeProxyConfig),
    close: () => client.close(),
  };
}
