import type { Socket } from 'node:net';

/** `127.0.0.1:40312`, `[::1]:40312`, or `unix` for a peer on a UNIX socket. */
export function peerName(socket: Pick<Socket, 'remoteAddress' | 'remotePort' | 'remoteFamily'>): string {
  const { remoteAddress, remotePort, remoteFamily } = socket;
  if (remoteAddress === undefined) return 'unix';
  return remoteFamily === 'IPv6' ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
