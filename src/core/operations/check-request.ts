import type { Issue } from '../../base/units/index.ts';
import type { OperationRequest } from './request.ts';
import { timeText } from './words.ts';

const LONGEST_MS = 30 * 24 * 3_600_000;
const MAX_REASON = 500;
const IDEMPOTENCY_KEY = /^[!-~]{1,128}$/;

/** What is wrong with a request by itself, whatever runs; undefined: nothing. `path` is its field. */
export function checkRequest(request: OperationRequest, nowMs: number): Issue | undefined {
  const { reason, endsAtMs, idempotencyKey } = request;
  if (reason.trim() === '')
    return invalid('reason', 'empty', 'say why: it stands in explain, the events and the audit trail');
  if (reason.trim().length > MAX_REASON || /[\p{Cc}\p{Cs}\u2028\u2029]/u.test(reason))
    return invalid('reason', `expected one line of at most ${MAX_REASON} characters`);
  if (!Number.isFinite(endsAtMs))
    return invalid('end', 'none: every operation has an end', 'name a time or a duration');
  if (endsAtMs <= nowMs) return invalid('end', `${timeText(endsAtMs)} is not in the future: it is ${timeText(nowMs)}`);
  if (endsAtMs - nowMs > LONGEST_MS)
    return invalid('end', `${timeText(endsAtMs)} is more than 30 days away`, 'what is to stay belongs into the policy');
  if (idempotencyKey !== undefined && !IDEMPOTENCY_KEY.test(idempotencyKey))
    return invalid('idempotency_key', 'expected 1 to 128 printable ASCII characters');
  return request.kind === 'Shed' ? checkShed(request) : undefined;
}

function checkShed({ percent }: Extract<OperationRequest, { kind: 'Shed' }>): Issue | undefined {
  return Number.isInteger(percent) && percent >= 1 && percent <= 100
    ? undefined
    : invalid('percent', `${percent}: expected a whole number from 1 to 100`);
}

function invalid(path: string, message: string, hint?: string): Issue {
  return { code: 'Invalid', path, message, ...(hint === undefined ? {} : { hint }) };
}
