import { type ServiceError, status } from '@grpc/grpc-js';
import type { Result } from '../../base/units/index.ts';
import type { Notice, Withdrawal } from '../../core/operations/index.ts';
import type { NoticeTaken, OperationView } from '../observe/index.ts';
import { AdminCalls } from './admin-calls.ts';
import { openClient } from './channel.ts';
import { inWords } from './client-words.ts';
import { encodeNotice, encodeWithdrawal } from './notice-message.ts';
import type { ConnectOptions } from './observe-client.ts';
import {
  type BeginAnswer,
  type BeginRequest,
  type CancelAnswer,
  decodeOperation,
  encodeBegin,
} from './operation-message.ts';
import { detailsOf } from './policies/status-details.ts';
import { flag, list, texts, type Wire } from './wire-values.ts';

/**
 * What operators do by hand, from the other side. Issues (`Invalid`, `NotFound`, `Refused`) carry the server's words; rejects with
 * LoadlineError LOADLINE_ADMIN when it cannot be reached or the caller may not.
 */
export interface ByHandClient {
  begin(request: BeginRequest): Promise<Result<BeginAnswer>>;
  unfreeze(service: string, reason: string): Promise<Result<CancelAnswer>>;
  cancel(id: string, reason: string): Promise<Result<CancelAnswer>>;
  /** Drains that run for it then, and what to know. */
  giveNotice(notice: Notice): Promise<Result<NoticeTaken>>;
  /** Drains that it has ended. */
  withdrawNotice(withdrawal: Withdrawal): Promise<Result<NoticeTaken>>;
  list(query: { readonly service?: string; readonly finished?: boolean }): Promise<readonly OperationView[]>;
  close(): void;
}

const DEFAULT_DEADLINE_MS = 10_000;
const ISSUE_OF: Readonly<Partial<Record<status, string>>> = {
  [status.INVALID_ARGUMENT]: 'Invalid',
  [status.NOT_FOUND]: 'NotFound',
  [status.FAILED_PRECONDITION]: 'Refused',
};

/** @throws LoadlineError LOADLINE_CONFIG, as `openClient`. Nothing is dialled before the first call. */
export function connectByHand(address: string, options: ConnectOptions = {}): ByHandClient {
  const client = openClient('admin', address, options.tls);
  const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  const calls = new AdminCalls(client, 'Operations', deadlineMs);

  const ask = async <T>(name: string, request: Wire, decode: (answer: Wire) => T): Promise<Result<T>> => {
    try {
      return { ok: true, value: decode(await calls.unary(name, request)), warnings: [] };
    } catch (error) {
      const { code, details = '' } = error as Partial<ServiceError>;
      const issue = code === undefined ? undefined : ISSUE_OF[code];
      if (issue === undefined) throw inWords(error, address, deadlineMs);
      const [first] = detailsOf(error as Partial<ServiceError>).issues;
      return { ok: false, issues: [{ code: issue, path: first?.path ?? '', message: details }] };
    }
  };

  return {
    begin: (request) =>
      ask(request.what.kind, encodeBegin(request), (answer) => ({
        operation: decodeOperation((answer.operation ?? {}) as Wire),
        notes: texts(answer.notes),
        replayed: flag(answer.replayed),
      })),
    unfreeze: (name, reason) => ask('Unfreeze', { service: name, reason }, decodeCancel),
    cancel: (id, reason) => ask('Cancel', { id, reason }, decodeCancel),
    giveNotice: (notice) => ask('GiveNotice', encodeNotice(notice), decodeTaken),
    withdrawNotice: (withdrawal) => ask('WithdrawNotice', encodeWithdrawal(withdrawal), decodeTaken),
    list: async ({ service: wanted = '', finished = false }) => {
      try {
        return list((await calls.unary('List', { service: wanted, finished })).operations, decodeOperation);
      } catch (error) {
        throw inWords(error, address, deadlineMs);
      }
    },
    close: () => client.close(),
  };
}

function decodeTaken(answer: Wire): NoticeTaken {
  return { operations: list(answer.operations, decodeOperation), notes: texts(answer.notes) };
}

function decodeCancel(answer: Wire): CancelAnswer {
  return {
    operation: decodeOperation((answer.operation ?? {}) as Wire),
    endedBefore: flag(answer.endedBefore),
    notes: texts(answer.notes),
  };
}
