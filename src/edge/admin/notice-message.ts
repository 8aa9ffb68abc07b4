import type { Result } from '../../base/units/index.ts';
import {
  checkDeadline,
  type Machine,
  type Notice,
  PLAIN_REASON,
  readAddress,
  readInstance,
  type Withdrawal,
} from '../../core/operations/index.ts';
import { fromSeconds, text, toSeconds, type Wire } from './wire-values.ts';

/** Notice as loadline.admin.v1.GiveNoticeRequest. */
export function encodeNotice({ machine, atMs, reason }: Notice): Wire {
  return { ...encodeMachine(machine), deadline: toSeconds(atMs), reason };
}

/** Issues are `Invalid`, with the field as their path. */
export function decodeNotice(wire: Wire, nowMs: number): Result<Notice> {
  const machine = decodeMachine(wire);
  if (!machine.ok) return machine;
  const atMs = fromSeconds(wire.deadline) ?? Number.NaN;
  const late = Number.isFinite(atMs)
    ? checkDeadline(atMs, 'deadline', nowMs)
    : { code: 'Invalid', path: 'deadline', message: 'none: say when the machine goes away' };
  if (late !== undefined) return { ok: false, issues: [late] };
  return { ok: true, value: { machine: machine.value, atMs, reason: text(wire.reason) || PLAIN_REASON }, warnings: [] };
}

/** Notice as loadline.admin.v1.WithdrawNoticeRequest: its deadline does not matter any more. */
export function encodeWithdrawal({ machine, reason }: Withdrawal): Wire {
  return { ...encodeMachine(machine), reason };
}

/** Issues are `Invalid`, with the field as their path. */
export function decodeWithdrawal(wire: Wire): Result<Withdrawal> {
  const machine = decodeMachine(wire);
  if (!machine.ok) return machine;
  return { ok: true, value: { machine: machine.value, reason: text(wire.reason) || PLAIN_REASON }, warnings: [] };
}

function decodeMachine({ instance, address }: Wire): Result<Machine> {
  return text(instance) === '' ? readAddress(text(address)) : readInstance(text(instance), 'instance');
}

function encodeMachine(machine: Machine): Wire {
  if (machine.kind === 'Instance') return { instance: machine.id };
  const { address, port } = machine;
  const host = address.includes(':') ? `[${address}]` : address;
  return { address: port === undefined ? address : `${host}:${port}` };
}
