import { type Ip, parseIp } from '../../base/units/index.ts';
import type { Endpoint } from '../topology/index.ts';

/** Somebody says that a machine goes away. */
export type Notice = {
  readonly machine: Machine;
  readonly atMs: number;
  /** One line; it stands in explain, the events and the audit trail. */
  readonly reason: string;
};

/** That it stays after all, by whoever gave a notice for the same reason. */
export type Withdrawal = Pick<Notice, 'machine' | 'reason'>;

/** As the notice names it: an IP address, with a port where one server of several is meant, or what its cloud calls it. */
export type Machine =
  | { readonly kind: 'Address'; readonly address: string; readonly port?: number }
  | { readonly kind: 'Instance'; readonly id: string };

/** Those that are gone with it. */
export function endpointsOn(machine: Machine, endpoints: readonly Endpoint[]): readonly Endpoint[] {
  if (machine.kind === 'Instance')
    return endpoints.filter(({ instance, node }) => instance === machine.id || node === machine.id);
  const ip = parseIp(machine.address);
  return endpoints.filter(
    ({ address, port }) => sameIp(ip, parseIp(address)) && (machine.port === undefined || machine.port === port),
  );
}

export function machineText(machine: Machine): string {
  if (machine.kind === 'Instance') return `instance ${machine.id}`;
  const { address, port } = machine;
  return port === undefined
    ? `address ${address}`
    : `address ${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function sameIp(a: Ip | undefined, b: Ip | undefined): boolean {
  return a !== undefined && b !== undefined && a.bits === b.bits && a.value === b.value;
}
