import { status } from '@grpc/grpc-js';
import { LoadlineError } from '../../../base/errors.ts';
import type { Issue } from '../../../base/units/index.ts';
import type { Log } from '../../observe/index.ts';
import type { Conflict, Revision } from '../../store/index.ts';

/** Why a call is not done, as its caller is told. */
export type Refusal = {
  readonly code: status;
  /** For a person. */
  readonly message: string;
  /** What is wrong with texts, each at its place. */
  readonly issues?: readonly Issue[];
  /** What is there in place of what the caller has expected. */
  readonly conflict?: { readonly revision: Revision; readonly documents: readonly Conflict[] } | undefined;
};

export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

export function done<T>(value: T): Answer<T> {
  return { ok: true, value };
}

export function refuse(code: status, message: string): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal: { code, message } };
}

/** Texts that are no policy: the message says how many issues there are, and the first. */
export function refuseTexts(issues: readonly Issue[]): { readonly ok: false; readonly refusal: Refusal } {
  const [first] = issues;
  const at =
    first?.position === undefined ? '' : `${first.position.file}:${first.position.line}:${first.position.column} `;
  const path = first === undefined || first.path === '' ? '' : `${first.path}: `;
  const count = issues.length === 1 ? 'the policy is refused' : `the policy is refused for ${issues.length} reasons`;
  return {
    ok: false,
    refusal: { code: status.INVALID_ARGUMENT, message: `${count}: ${at}${path}${first?.message ?? ''}`, issues },
  };
}

/** What failed is in the log; the words of the store (a full disk, a damaged document) are for its user too. */
export function failure(error: unknown, method: string, log: Log): Refusal {
  log.error({ err: error, method }, 'admin request failed');
  const message = error instanceof LoadlineError ? error.message : 'the server failed to answer; its log says why';
  return { code: status.INTERNAL, message };
}
