import { type Client, type ServiceError, status } from '@grpc/grpc-js';
import type { Issue } from '../../../base/units/index.ts';
import type { DryRunReport, Verdict } from '../../../core/dry-run/index.ts';
import type { PolicyFile } from '../../../core/policy/index.ts';
import type { DocumentKey } from '../../store/index.ts';
import { AdminCalls } from '../admin-calls.ts';
import { openClient } from '../channel.ts';
import { inWords } from '../client-words.ts';
import { decodeDryRun, decodeVerdict } from '../dry-run-message.ts';
import type { ConnectOptions } from '../observe-client.ts';
import { flag, fromEnum, list, number, numberOrNull, optional, text, type Wire } from '../wire-values.ts';
import { decodeDocument, decodeIssue, decodeKey, type PolicyDocument, type PolicyOutcome } from './policy-messages.ts';
import { detailsOf, type ErrorDetails } from './status-details.ts';

/** The server's no, with its reasons. Everything else that goes wrong rejects with LoadlineError LOADLINE_ADMIN. */
export type PolicyRefusal = ErrorDetails & { readonly ok: false; readonly code: string; readonly message: string };

export type PolicyAnswer<T> = { readonly ok: true; readonly value: T } | PolicyRefusal;

export type WriteOptions = {
  readonly reason?: string | undefined;
  readonly dryRun?: boolean | undefined;
  readonly ifMatch?: readonly { readonly document: DocumentKey; readonly revision: number }[];
  readonly ifStoreRevision?: number | undefined;
  readonly idempotencyKey?: string;
  readonly force?: boolean | undefined;
};

export type PoliciesChecked = {
  readonly warnings: readonly Issue[];
  readonly policyRevision: string;
  /** Of the Envoys that were asked, where the server says it to this caller. */
  readonly verdict?: Verdict;
};

export type PolicyWritten = {
  readonly revision: number;
  readonly changes: readonly (DocumentKey & { readonly outcome: PolicyOutcome })[];
  readonly replayed: boolean;
  readonly dryRun: boolean;
  readonly warnings: readonly Issue[];
};

export type PolicyDiff = {
  readonly documents: readonly (DocumentKey & { readonly outcome: PolicyOutcome; readonly textDiff: string })[];
  readonly warnings: readonly Issue[];
  readonly revision: number;
  readonly policyRevisionBefore: string;
  readonly policyRevisionAfter: string;
  /** What the change would do, where the server says it to this caller. */
  readonly dryRun?: DryRunReport;
};

export type PolicyList = {
  readonly documents: readonly PolicyDocument[];
  readonly revision: number;
  readonly files: string;
  readonly damaged: readonly (DocumentKey & { readonly reason: string })[];
};

export type PolicyVersionView = PolicyDocument & { readonly operation: 'Put' | 'Delete' | 'Lost' };

export type PolicyHistory = {
  readonly versions: readonly PolicyVersionView[];
  readonly nextBefore: number | undefined;
};

export type PolicyEventView = { readonly revision: number; readonly versions: readonly PolicyVersionView[] };

/** The Policies service, from the other side. */
export interface PoliciesClient {
  validate(
    files: readonly PolicyFile[],
    options?: { readonly alone?: boolean; readonly envoy?: boolean },
  ): Promise<PolicyAnswer<PoliciesChecked>>;
  diff(files: readonly PolicyFile[], options?: { readonly textsOnly?: boolean }): Promise<PolicyAnswer<PolicyDiff>>;
  apply(files: readonly PolicyFile[], options?: WriteOptions): Promise<PolicyAnswer<PolicyWritten>>;
  delete(keys: readonly DocumentKey[], options?: WriteOptions): Promise<PolicyAnswer<PolicyWritten>>;
  rollback(key: DocumentKey | undefined, to: number, options?: WriteOptions): Promise<PolicyAnswer<PolicyWritten>>;
  get(query?: {
    readonly keys?: readonly DocumentKey[];
    readonly kind?: string;
    readonly atRevision?: number;
  }): Promise<PolicyAnswer<PolicyList>>;
  list(query?: { readonly kind?: string }): Promise<PolicyAnswer<PolicyList>>;
  history(query?: {
    readonly key?: DocumentKey;
    readonly before?: number;
    readonly limit?: number;
    readonly texts?: boolean;
  }): Promise<PolicyAnswer<PolicyHistory>>;
  /** Until the server refuses or ends it, or `signal` is aborted; the first event has no versions. */
  watch(
    query: { readonly key?: DocumentKey; readonly after?: number },
    onEvent: (event: PolicyEventView) => void,
    signal: AbortSignal,
  ): Promise<PolicyAnswer<undefined>>;
  close(): void;
}

/** Checking a large policy takes seconds, and others may be before it. */
const DEFAULT_DEADLINE_MS = 30_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const REFUSALS: ReadonlySet<status> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.FAILED_PRECONDITION,
  status.ABORTED,
  status.OUT_OF_RANGE,
  status.RESOURCE_EXHAUSTED,
]);

/** @throws LoadlineError LOADLINE_CONFIG, as `openClient`. Nothing is dialled before the first call. */
export function connectPolicies(address: string, options: ConnectOptions = {}): PoliciesClient {
  const client: Client = openClient('admin', address, options.tls, {
    'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
  });
  const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  const calls = new AdminCalls(client, 'Policies', deadlineMs);
  const ask = async <T>(name: string, request: Wire, decode: (answer: Wire) => T): Promise<PolicyAnswer<T>> => {
    try {
      return { ok: true, value: decode(await calls.unary(name, request)) };
    } catch (error) {
      const { code } = error as Partial<ServiceError>;
      if (code !== undefined && REFUSALS.has(code)) return refusalOf(error as ServiceError);
      throw inWords(error, address, deadlineMs);
    }
  };

  return {
    validate: (files, options = {}) =>
      ask('Validate', { files, ...options }, (wire) => ({
        warnings: list(wire.warnings, decodeIssue),
        policyRevision: text(wire.policyRevision),
        ...optional('verdict', wire.verdict, (value) => decodeVerdict(value as Wire)),
      })),
    diff: (files, options = {}) => ask('Diff', { files, ...options }, decodeDiff),
    apply: (files, terms = {}) => ask('Apply', { files, ...terms }, decodeWritten),
    delete: (keys, terms = {}) => ask('Delete', { keys, ...terms }, decodeWritten),
    rollback: (key, toRevision, terms = {}) => ask('Rollback', { key, toRevision, ...terms }, decodeWritten),
    get: (query = {}) => ask('Get', query, decodeList),
    list: (query = {}) => ask('List', query, decodeList),
    history: (query = {}) =>
      ask('History', query, (wire) => ({
        versions: list(wire.versions, decodeVersion),
        nextBefore: numberOrNull(wire.nextBefore) ?? undefined,
      })),
    watch: (query, onEvent, signal) =>
      new Promise((resolve, reject) => {
        const method = calls.method('Watch');
        const call = client.makeServerStreamRequest<Wire, Wire>(method.path, method.encode, method.decode, query);
        const stop = (): void => call.cancel();
        signal.addEventListener('abort', stop, { once: true });
        if (signal.aborted) stop();
        call.on('data', (wire: Wire) => {
          onEvent({ revision: number(wire.revision), versions: list(wire.versions, decodeVersion) });
        });
        call.on('end', () => resolve({ ok: true, value: undefined }));
        call.on('error', (error: ServiceError) => {
          if (signal.aborted) resolve({ ok: true, value: undefined });
          else if (REFUSALS.has(error.code)) resolve(refusalOf(error));
          else reject(inWords(error, address, deadlineMs));
        });
      }),
    close: () => client.close(),
  };
}

function refusalOf(error: ServiceError): PolicyRefusal {
  return { ok: false, code: status[error.code], message: error.details, ...detailsOf(error) };
}

function decodeWritten(wire: Wire): PolicyWritten {
  return {
    revision: number(wire.revision),
    changes: list(wire.changes, decodeChange),
    replayed: flag(wire.replayed),
    dryRun: flag(wire.dryRun),
    warnings: list(wire.warnings, decodeIssue),
  };
}

function decodeChange(wire: Wire): PolicyWritten['changes'][number] {
  return { ...decodeKey((wire.key ?? {}) as Wire), outcome: fromEnum('POLICY_OUTCOME', wire.outcome) };
}

function decodeDiff(wire: Wire): PolicyDiff {
  return {
    documents: list(wire.documents, (one) => ({ ...decodeChange(one), textDiff: text(one.textDiff) })),
    warnings: list(wire.warnings, decodeIssue),
    revision: number(wire.revision),
    policyRevisionBefore: text(wire.policyRevisionBefore),
    policyRevisionAfter: text(wire.policyRevisionAfter),
    ...optional('dryRun', wire.dryRun, (value) => decodeDryRun(value as Wire)),
  };
}

function decodeList(wire: Wire): PolicyList {
  return {
    documents: list(wire.documents, decodeDocument),
    revision: number(wire.revision),
    files: text(wire.files),
    damaged: list(wire.damaged, (one) => ({ ...decodeKey((one.key ?? {}) as Wire), reason: text(one.reason) })),
  };
}

function decodeVersion(wire: Wire): PolicyVersionView {
  return {
    ...decodeDocument((wire.document ?? {}) as Wire),
    operation: fromEnum('POLICY_OPERATION', wire.operation),
  };
}
