import type { Result } from './result.ts';

/** Where something listens or is dialled: host and port, or the path of a UNIX socket. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** `sun_path` has 108 bytes on Linux, 104 on macOS, with its end. */
const MAX_SOCKET_PATH_BYTES = 103;
const EXPECTED = 'expected HOST:PORT, [IPV6]:PORT or unix:PATH';

/**
 * Reads `127.0.0.1:18000`, `localhost:18000`, `[::1]:18000` or `unix:/run/loadline.sock`. Port 0 is a port: whoever listens
 * there gets a free one.
 */
export function parseAddress(text: string): Result<Address> {
  if (text.startsWith('unix:')) return parsePath(text);
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]*)):(\d+)$/.exec(text);
  if (match === null) return refuse(text, EXPECTED, hintFor(text));
  const host = match[1] ?? match[2] ?? '';
  const port = Number(match[3]);
  if (host === '') return refuse(text, 'the host is missing', `write 127.0.0.1${text}, or 0.0.0.0${text} for all`);
  if (match[1] !== undefined && !URL.canParse(`http://[${host}]/`)) return refuse(text, 'that is no IPv6 address');
  if (port > 65_535) return refuse(text, 'a port is 0 to 65535');
  return { ok: true, value: { kind: 'tcp', host, port }, warnings: [] };
}

/** As {@link parseAddress} reads it back. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Whether only this machine can reach it: 127.0.0.0/8, ::1, `localhost`, a UNIX socket. */
export function isLoopback(address: Address): boolean {
  if (address.kind === 'unix') return true;
  if (address.host === 'localhost' || /^127(?:\.\d{1,3}){3}$/.test(address.host)) return true;
  if (!address.host.includes(':')) return false;
  return new URL(`http://[${address.host}]/`).hostname === '[::1]';
}

function parsePath(text: string): Result<Address> {
  const path = text.slice('unix:'.length);
  if (path === '') return refuse(text, 'the path of the socket is missing');
  if (new TextEncoder().encode(path).length > MAX_SOCKET_PATH_BYTES) {
    return refuse(text, `the path of a UNIX socket has at most ${MAX_SOCKET_PATH_BYTES} bytes`);
  }
  return { ok: true, value: { kind: 'unix', path }, warnings: [] };
}

function hintFor(text: string): string | undefined {
  if (/^\d+$/.test(text)) return `write 127.0.0.1:${text}`;
  if (/^[a-z]+:\/\//i.test(text)) return 'leave the scheme out';
  if (text.startsWith('/')) return `write unix:${text}`;
  if (/^[0-9a-fA-F:]+:\d+$/.test(text)) return 'an IPv6 address stands in brackets';
  return undefined;
}

function refuse(text: string, why: string, hint?: string): Result<Address> {
  const message = `address ${JSON.stringify(text)}: ${why}${hint === undefined ? '' : ` (${hint})`}`;
  return { ok: false, issues: [{ code: 'ADDRESS', path: '', message }] };
}
