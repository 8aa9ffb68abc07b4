import { type ServiceError, status } from '@grpc/grpc-js';
import { LoadlineError } from '../../base/errors.ts';
import type { Result } from '../../base/units/index.ts';
import type {
  DecisionView,
  ExplainTarget,
  ExplainView,
  ProxyConfigTarget,
  ProxyConfigView,
  ServerView,
  SnapshotResource,
  SnapshotTarget,
  SnapshotView,
} from '../observe/index.ts';
import type { ClientTlsFiles } from '../tls/index.ts';
import { AdminCalls } from './admin-calls.ts';
import { openClient } from './channel.ts';
import { inWords } from './client-words.ts';
import { DecisionReader } from './decision-message.ts';
import { decodeExplain, encodeTarget } from './explain-message.ts';
import { decodeProxyConfig, encodeProxyTarget } from './proxy-config-message.ts';
import { encodeSnapshotTarget, SnapshotReader } from './snapshot-message.ts';
import { decodeStatus } from './status-message.ts';
import type { Wire } from './wire-values.ts';

/** The Observe service, from the other side. Every call rejects with LoadlineError LOADLINE_ADMIN, in words for a person. */
export interface ObserveClient {
  status(options?: { readonly withoutEndpoints?: boolean }): Promise<ServerView>;
  /** Issues (`NotFound`) when there is no such service, pool or endpoint, or (`Invalid`) when the target names none. */
  explain(target: ExplainTarget): Promise<Result<ExplainView>>;
  /** Issues (`NotFound`) when no such sidecar is connected, or (`Invalid`) for a type that there is not. */
  proxyConfig(target: ProxyConfigTarget): Promise<Result<ProxyConfigView>>;
  /** Issues (`NotFound`) when there is no such sidecar, group or resource, or (`Invalid`) for a question without sense. */
  snapshot(target: SnapshotTarget): Promise<Result<SnapshotView<readonly SnapshotResource[]>>>;
  /**
   * Each decision about a service that changes something, until `signal` is aborted; first the one that stands. There is no
   * deadline. Issues (`NotFound`) when there is no such service, or not any more.
   */
  watchDecisions(
    service: string,
    onDecision: (decision: DecisionView) => void,
    signal: AbortSignal,
  ): Promise<Result<undefined>>;
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
  const asked = async <T>(answer: Promise<T>): Promise<Result<T>> => {
    try {
      return { ok: true, value: await answer, warnings: [] };
    } catch (error) {
      const { code, details } = error as Partial<ServiceError>;
      if (code === status.NOT_FOUND || code === status.INVALID_ARGUMENT) {
        const issue = code === status.NOT_FOUND ? 'NotFound' : 'Invalid';
        return { ok: false, issues: [{ code: issue, path: '', message: details ?? '' }] };
      }
      throw inWords(error, address, deadlineMs);
    }
  };

  const snapshot = async (target: SnapshotTarget): Promise<SnapshotView<readonly SnapshotResource[]>> => {
    const reader = new SnapshotReader();
    await calls.stream('Snapshot', encodeSnapshotTarget(target), (wire) => reader.take(wire));
    if (reader.view === undefined) throw new LoadlineError('LOADLINE_ADMIN', `${address} ended its answer too early`);
    return reader.view;
  };

  return {
    status: async (options = {}) => {
      try {
        return decodeStatus(await calls.unary('Status', options));
      } catch (error) {
        throw inWords(error, address, deadlineMs);
      }
    },
    explain: (target) => asked(calls.unary('Explain', encodeTarget(target)).then(decodeExplain)),
    proxyConfig: (target) => asked(calls.unary('ProxyConfig', encodeProxyTarget(target)).then(decodeProxyConfig)),
    snapshot: (target) => asked(snapshot(target)),
    watchDecisions: (service, onDecision, signal) => {
      const reader = new DecisionReader();
      const take = (wire: Wire): void => {
        const decision = reader.take(wire);
        if (decision !== undefined) onDecision(decision);
      };
      const watched = calls.stream('WatchDecisions', { service }, take, { signal, endless: true });
      return asked(watched.then(() => undefined));
    },
    close: () => client.close(),
  };
}
