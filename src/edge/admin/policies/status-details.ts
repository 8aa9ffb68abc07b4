import { Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import type { Issue } from '../../../base/units/index.ts';
import { type MessageType, messageType } from '../message-types.ts';
import { list, number, text, type Wire } from '../wire-values.ts';
import { decodeDocument, decodeIssue, decodeKey, encodeDocument, type PolicyDocument } from './policy-messages.ts';
import type { Refusal } from './refusal.ts';

/** As every gRPC library calls the trailer with a google.rpc.Status. */
const TRAILER = 'grpc-status-details-bin';
const TYPE_PREFIX = 'type.googleapis.com/';
const POLICIES = 'loadline/admin/v1/policies.proto';
/** Trailers have to fit in what HTTP/2 takes as headers (16 KiB with many clients), and Base64 takes a third more. */
const MAX_DETAIL_BYTES = 8 * 1024;
const MAX_ISSUES = 50;

type Types = Readonly<Record<'status' | 'badRequest' | 'issues' | 'conflict', MessageType>>;

let loaded: Types | undefined;

function types(): Types {
  loaded ??= {
    status: messageType('google/rpc/status.proto', 'google.rpc.Status'),
    badRequest: messageType('google/rpc/error_details.proto', 'google.rpc.BadRequest'),
    issues: messageType(POLICIES, 'loadline.admin.v1.Issues'),
    conflict: messageType(POLICIES, 'loadline.admin.v1.Conflict'),
  };
  return loaded;
}

/** A refusal as a gRPC status with its details. What does not fit in a trailer is cut, the last issues and texts first. */
export function statusWithDetails({ code, message, issues = [], conflict }: Refusal): Partial<StatusObject> {
  const plain = { code, details: message };
  if (issues.length === 0 && conflict === undefined) return plain;
  for (let shown = Math.min(issues.length, MAX_ISSUES), texts = true; ; ) {
    const bytes = encodeDetails({ code, message, issues: issues.slice(0, shown), conflict }, texts);
    if (bytes.length <= MAX_DETAIL_BYTES) {
      const metadata = new Metadata();
      metadata.set(TRAILER, bytes);
      return { ...plain, metadata };
    }
    if (texts) texts = false;
    else if (shown > 1) shown = Math.floor(shown / 2);
    else return plain;
  }
}

export type ErrorDetails = {
  readonly issues: readonly Issue[];
  readonly conflict?: {
    readonly revision: number;
    readonly documents: readonly {
      readonly kind: string;
      readonly name: string;
      readonly expected: number;
      readonly actual: number;
      readonly current: PolicyDocument | undefined;
    }[];
  };
};

/** The details of an error as a client gets them; none where it carries none, or others. */
export function detailsOf(error: Pick<Partial<ServiceError>, 'metadata'>): ErrorDetails {
  const [bytes] = error.metadata?.get(TRAILER) ?? [];
  if (!Buffer.isBuffer(bytes)) return { issues: [] };
  const { status, issues, conflict } = types();
  let found: ErrorDetails = { issues: [] };
  for (const detail of list(status.decode(bytes).details, (one) => one)) {
    const name = text(detail.type_url).slice(TYPE_PREFIX.length);
    const value = detail.value as Buffer;
    if (name === 'loadline.admin.v1.Issues')
      found = { ...found, issues: list(issues.decode(value).issues, decodeIssue) };
    if (name !== 'loadline.admin.v1.Conflict') continue;
    const wire = conflict.decode(value);
    found = {
      ...found,
      conflict: { revision: number(wire.revision), documents: list(wire.documents, decodeConflict) },
    };
  }
  return found;
}

function decodeConflict(wire: Wire): NonNullable<ErrorDetails['conflict']>['documents'][number] {
  return {
    ...decodeKey(wire.key as Wire),
    expected: number(wire.expected),
    actual: number(wire.actual),
    current: wire.current === undefined || wire.current === null ? undefined : decodeDocument(wire.current as Wire),
  };
}

function encodeDetails({ code, message, issues = [], conflict }: Refusal, texts: boolean): Buffer {
  const { status, badRequest, issues: issuesType, conflict: conflictType } = types();
  const details: Wire[] = [];
  const add = (name: string, type: MessageType, value: Wire): void => {
    details.push({ type_url: TYPE_PREFIX + name, value: type.encode(value) });
  };
  if (issues.length > 0) {
    add('google.rpc.BadRequest', badRequest, { fieldViolations: issues.map(violationOf) });
    add('loadline.admin.v1.Issues', issuesType, { issues });
  }
  if (conflict !== undefined) {
    add('loadline.admin.v1.Conflict', conflictType, {
      revision: conflict.revision,
      documents: conflict.documents.map(({ kind, name, expected, actual, current }) => ({
        key: { kind, name },
        expected,
        actual,
        ...(current === undefined ? {} : { current: encodeDocument(texts ? current : { ...current, content: '' }) }),
      })),
    });
  }
  return status.encode({ code, message, details });
}

function violationOf({ path, position, message }: Issue): Wire {
  const at = position === undefined ? '' : `${position.file}:${position.line}:${position.column}: `;
  return { field: path, description: `${at}${message}` };
}
