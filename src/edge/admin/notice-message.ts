import type { Result } from '../../base/units/index.ts';
import {
  checkDeadline,
  type Machine,
  type Notice,
  PLAIN_REASON,
  readAddress,
  readInstance,
} from '../../core/operations/index.ts';
import { fromSeconds, text, toSeconds, type Wire } from './wire-values.ts';

/** Notice as loadline.admin.v1.GiveNoticeRequest. */
export function encodeNotice({ machine, atMs, reason }: Notice): Wire {
  return { ...encodeMachine(machine), deadline: toSeconds(atMs), reason };
}

/** Issues are `Invalid`, with the field as their path. */
export function decodeNotice(wire: Wire, nowMs: number): Result<Notice> {
  const machine =
    text(wire.instance) === '' ? readAddress(text(wire.address)) : readInstance(text(wire.instance), 'instance');
  if (!machine.ok) return machine;
  const atMs = fromSeconds(wire.deadline) ?? Number.NaN;
  const late = Number.isFinite(atMs)
    ? checkDeadline(atMs, 'deadline', nowMs)
    : { code: 'Invalid', path: 'deadline', message: 'none: say when the machine goes away' };
  if (late !== undefined) return { ok: false, issues: [late] };
  return { ok: true, value: { machine: machine.value, atMs, reason: text(wire.reason) || PLAIN_REASON }, warnings: [] };
}

function encodeMachine(machine: Machine): Wire {
  if (machine.kind === 'Instance') return { instance: machine.id };
  const { address, port } = machine;
  const host = address.includes(':') ? `[${address}]` : address;
  return { address: port === undefined ? address : `${host}:${port}` };
}
