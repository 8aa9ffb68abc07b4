import { type Issue, parseAddress, parseDurationMs, parseIp, type Result } from '../../base/units/index.ts';
import type { Machine, Notice } from './notice.ts';
import { timeText } from './words.ts';

/** Two minutes: how long EC2 lets an instance run after its warning. Source: AWS, "Spot Instance interruption notices". */
const EC2_NOTICE_MS = 120_000;
/** An event that was delayed may be about a machine that is still there; an older one is a mistake, or sent anew. */
const LATEST_MS = 10 * 60_000;
const EARLIEST_MS = 24 * 3_600_000;
const EC2_WARNING = 'EC2 Spot Instance Interruption Warning';
export const PLAIN_REASON = 'the machine goes away';
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const INSTANCE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;
const KEYS = ['address', 'instance', 'deadline', 'reason'];
const EXPECTED =
  'expected {"address": "10.0.0.1:8000", "deadline": "2m"}, with "instance" for "address" where the policy names the machine, or an event of EventBridge';

type Json = Readonly<Record<string, unknown>>;

const NOTHING: Json = {};

/**
 * The body of a notice: ours, or the event "EC2 Spot Instance Interruption Warning" as EventBridge sends it. Issues are `Invalid`,
 * with the field as their path.
 */
export function readNotice(text: string, nowMs: number): Result<Notice> {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return invalid('', `no JSON; ${EXPECTED}`);
  }
  if (!isObject(body)) return invalid('', `no JSON object; ${EXPECTED}`);
  return 'detail-type' in body || 'detail' in body ? readEvent(body, nowMs) : readPlain(body, nowMs);
}

/** What an EC2 instance is told of itself, at `/latest/meta-data/spot/instance-action`: `{"action": "terminate", "time": "…Z"}`. */
export function readInstanceAction(text: string): Result<{ readonly action: string; readonly atMs: number }> {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return invalid('', 'no JSON; expected {"action": "terminate", "time": "2026-01-02T03:04:05Z"}');
  }
  const { action, time } = isObject(body) ? body : NOTHING;
  if (typeof action !== 'string' || !/^[a-z]{1,32}$/.test(action))
    return invalid('action', 'expected a word such as terminate');
  const atMs = timeOf(time);
  if (atMs === undefined) return invalid('time', 'expected a time such as 2026-01-02T03:04:05Z');
  return { ok: true, value: { action, atMs }, warnings: [] };
}

function readPlain(body: Json, nowMs: number): Result<Notice> {
  const odd = Object.keys(body).find((key) => !KEYS.includes(key));
  if (odd !== undefined) return invalid(odd.slice(0, 80), `there is no such field; ${EXPECTED}`);
  const { address, instance, deadline, reason } = body;
  if ((address === undefined) === (instance === undefined))
    return invalid('address', 'expected either an address or an instance: what goes away');
  const machine = address === undefined ? readInstance(instance, 'instance') : readAddress(address);
  if (!machine.ok) return machine;
  const forMs = typeof deadline === 'string' ? parseDurationMs(deadline) : undefined;
  const atMs = forMs === undefined ? timeOf(deadline) : nowMs + forMs;
  if (atMs === undefined)
    return invalid(
      'deadline',
      'expected when it goes away: a time such as 2026-01-02T03:04:05Z, or a duration such as 2m',
    );
  if (reason !== undefined && typeof reason !== 'string') return invalid('reason', 'expected a text');
  return noticeOf(machine.value, atMs, reason ?? PLAIN_REASON, 'deadline', nowMs);
}

function readEvent(body: Json, nowMs: number): Result<Notice> {
  const { 'detail-type': type, source, time, detail } = body;
  if (type !== EC2_WARNING || source !== 'aws.ec2') {
    const what = typeof type === 'string' ? JSON.stringify(type.slice(0, 80)) : 'nothing';
    return invalid(
      'detail-type',
      `${what} says of no machine that it goes away; expected ${JSON.stringify(EC2_WARNING)} of aws.ec2`,
    );
  }
  const atMs = timeOf(time);
  if (atMs === undefined) return invalid('time', 'expected when the event was sent, such as 2026-01-02T03:04:05Z');
  const { 'instance-id': id, 'instance-action': action } = isObject(detail) ? detail : NOTHING;
  if (action !== 'terminate' && action !== 'stop' && action !== 'hibernate')
    return invalid('detail.instance-action', 'expected terminate, stop or hibernate');
  const machine = readInstance(id, 'detail.instance-id');
  if (!machine.ok) return machine;
  // Hibernation begins with the warning.
  const leftMs = action === 'hibernate' ? 0 : EC2_NOTICE_MS;
  return noticeOf(machine.value, atMs + leftMs, `EC2 Spot interruption: ${action} ${machine.value.id}`, 'time', nowMs);
}

function noticeOf(machine: Machine, atMs: number, reason: string, field: string, nowMs: number): Result<Notice> {
  const issue = checkDeadline(atMs, field, nowMs);
  if (issue !== undefined) return { ok: false, issues: [issue] };
  return { ok: true, value: { machine, atMs, reason }, warnings: [] };
}

/** Whether a machine may go away then; undefined: it may. */
export function checkDeadline(atMs: number, field: string, nowMs: number): Issue | undefined {
  if (atMs < nowMs - LATEST_MS)
    return issue(field, `the machine is gone since ${timeText(atMs)}: it is ${timeText(nowMs)}`);
  if (atMs > nowMs + EARLIEST_MS)
    return issue(field, `${timeText(atMs)} is more than a day away`, 'loadline drain is for work that is planned');
  return undefined;
}

/** `10.0.0.1`, `10.0.0.1:8000`, `2001:db8::1`, `[2001:db8::1]:8000`. */
export function readAddress(value: unknown): Result<Machine> {
  const text = typeof value === 'string' ? value : '';
  if (text.length <= 64 && parseIp(text) !== undefined) return found({ kind: 'Address', address: text });
  const parsed = text.length <= 64 ? parseAddress(text) : undefined;
  if (parsed?.ok === true && parsed.value.kind === 'tcp' && parsed.value.port > 0) {
    const { host, port } = parsed.value;
    if (parseIp(host) !== undefined) return found({ kind: 'Address', address: host, port });
  }
  return invalid('address', 'expected an IP address as in the policy, with or without a port: 10.0.0.1, 10.0.0.1:8000');
}

export function readInstance(value: unknown, field: string): Result<Machine & { readonly kind: 'Instance' }> {
  if (typeof value === 'string' && INSTANCE.test(value)) return found({ kind: 'Instance', id: value });
  return invalid(field, 'expected the name of a machine, such as i-0123456789abcdef0');
}

function found<T>(value: T): Result<T> {
  return { ok: true, value, warnings: [] };
}

/** Of dates that there are: `Date` alone would read many other texts. */
function timeOf(value: unknown): number | undefined {
  const atMs = typeof value === 'string' && TIME.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isFinite(atMs) ? atMs : undefined;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(path: string, message: string): { readonly ok: false; readonly issues: readonly Issue[] } {
  return { ok: false, issues: [issue(path, message)] };
}

function issue(path: string, message: string, hint?: string): Issue {
  return { code: 'Invalid', path, message, ...(hint === undefined ? {} : { hint }) };
}
