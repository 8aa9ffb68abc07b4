import { type ServerUnaryCall, type StatusObject, type sendUnaryData, status } from '@grpc/grpc-js';
import type { Issue, Result } from '../../base/units/index.ts';
import { peerText } from '../../core/access/index.ts';
import type { OperationKind } from '../../core/operations/index.ts';
import type { Log, OperationView } from '../observe/index.ts';
import type { Permit } from './gate.ts';
import {
  type BeginAnswer,
  type BeginRequest,
  type CancelAnswer,
  decodeBegin,
  encodeOperation,
} from './operation-message.ts';
import { statusWithDetails } from './policies/status-details.ts';
import { flag, text, type Wire } from './wire-values.ts';

/** What operators do by hand. Answers when it is in force, and as safe as it can be made; notes say where it is not. */
export interface ByHandSeam {
  /** Issues: `Invalid` with the field as its path, `NotFound`, `Refused`. */
  begin(request: BeginRequest, author: string): Promise<Result<BeginAnswer>>;
  /** Undefined: there is none with this id, running or ended lately. */
  find(id: string): OperationView | undefined;
  /** The freeze of a service. */
  freezeOf(service: string): OperationView | undefined;
  cancel(id: string, reason: string, author: string): Promise<Result<CancelAnswer>>;
  list(finished: boolean): readonly OperationView[];
}

export type Handler = (call: ServerUnaryCall<Wire, Wire>, callback: sendUnaryData<Wire>, permit: Permit) => void;

const STATUS_OF: Readonly<Record<string, status>> = {
  NotFound: status.NOT_FOUND,
  Refused: status.FAILED_PRECONDITION,
  Denied: status.PERMISSION_DENIED,
};

/** The gRPC side of what operators do by hand: all methods of the Operations service but the probe. */
export function byHandHandlers(seam: ByHandSeam, log: Log): Readonly<Record<string, Handler>> {
  const begin =
    (kind: OperationKind) =>
    async (wire: Wire, permit: Permit): Promise<Result<Wire>> => {
      const request = decodeBegin(kind, wire);
      const { service, force } = request.what;
      if (force && !permit.may('Administer', service))
        return no(
          'Denied',
          `${peerText(permit.peer)} may not force: it lacks the role Admin for model service ${JSON.stringify(service)}`,
        );
      const begun = await seam.begin(request, peerText(permit.peer));
      return mapped(begun, ({ operation, notes, replayed }) => ({
        operation: encodeOperation(operation),
        notes,
        replayed,
      }));
    };
  const cancel = async (id: string, reason: string, { peer }: Permit): Promise<Result<Wire>> =>
    mapped(await seam.cancel(id, reason, peerText(peer)), ({ operation, endedBefore, notes }) => ({
      operation: encodeOperation(operation),
      endedBefore,
      notes,
    }));
  const handlers: Readonly<Record<string, (request: Wire, permit: Permit) => Promise<Result<Wire>>>> = {
    freeze: begin('Freeze'),
    drain: begin('Drain'),
    failover: begin('Failover'),
    shed: begin('Shed'),
    unfreeze: async ({ service, reason }, permit) => {
      const freeze = seam.freezeOf(text(service));
      if (freeze !== undefined) return cancel(freeze.id, text(reason), permit);
      return no(
        'Refused',
        `the weights of ${JSON.stringify(text(service))} are not frozen; loadline operations list shows what runs`,
      );
    },
    cancel: async ({ id, reason }, permit) => {
      const found = seam.find(text(id));
      // Of a service that the caller may not touch nothing is told, not even that there is such an operation.
      if (found !== undefined && permit.mayFor(found.service)) return cancel(found.id, text(reason), permit);
      const known = seam.list(false).filter(({ service }) => permit.mayFor(service));
      const names = known.length === 0 ? 'none runs' : `these run: ${known.map((one) => one.id).join(', ')}`;
      return no('NotFound', `no operation ${JSON.stringify(text(id))}; ${names}`);
    },
    list: async ({ service, finished }, permit) => {
      const wanted = text(service);
      const seen = seam
        .list(flag(finished))
        .filter((one) => permit.mayFor(one.service) && (wanted === '' || one.service === wanted));
      return { ok: true, value: { operations: seen.map(encodeOperation) }, warnings: [] };
    },
  };
  return Object.fromEntries(Object.entries(handlers).map(([name, handle]) => [name, answering(name, handle, log)]));
}

/** An answer, or the status of its issues; a thrown error is INTERNAL without its words: the log has them. */
export function answering(
  method: string,
  handle: (request: Wire, permit: Permit) => Promise<Result<Wire>>,
  log: Log,
): Handler {
  return (call, callback, permit) => {
    handle(call.request, permit).then(
      (answer) => (answer.ok ? callback(null, answer.value) : callback(statusOf(answer.issues))),
      (error: unknown) => {
        log.error({ err: error, method }, 'admin request failed');
        callback({ code: status.INTERNAL, details: 'the server failed to answer; its log says why' });
      },
    );
  };
}

/** Fields as the messages call them. */
const FIELD_OF: Readonly<Record<string, string>> = {
  reason: 'terms.reason',
  end: 'terms.end_time',
  idempotency_key: 'terms.idempotency_key',
  from: 'from_pool',
  to: 'to_pool',
};

function statusOf(issues: readonly Issue[]): Partial<StatusObject> {
  const code = STATUS_OF[issues[0]?.code ?? ''] ?? status.INVALID_ARGUMENT;
  const named = issues.map((one) => ({ ...one, path: FIELD_OF[one.path] ?? one.path }));
  return statusWithDetails({ code, message: issues.map(issueWords).join('; '), issues: named });
}

function issueWords({ code, path, message, hint }: Issue): string {
  return `${code === 'Invalid' && path !== '' ? `${path}: ` : ''}${message}${hint === undefined ? '' : `; ${hint}`}`;
}

export function mapped<T>(result: Result<T>, encode: (value: T) => Wire): Result<Wire> {
  return result.ok ? { ...result, value: encode(result.value) } : result;
}

function no(code: string, message: string): Result<Wire> {
  return { ok: false, issues: [{ code, path: '', message }] };
}
