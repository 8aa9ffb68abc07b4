import type { JsonObject } from '../../base/codec/index.ts';

/** `127.0.0.1:15001` or `[::1]:15001`; undefined for anything else, names included: Envoy binds and dials IPs only. */
export function parseSocketAddress(text: string): { readonly address: string; readonly port: number } | undefined {
  const parts = splitHostPort(text);
  return parts === undefined || !isIpAddress(parts.host) ? undefined : { address: parts.host, port: parts.port };
}

export function isIpAddress(text: string): boolean {
  if (/^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(text)) return true;
  return text.includes(':') && URL.canParse(`http://[${text}]/`);
}

/** `HOST:PORT` with a name or an IP address; IPv6 stands in brackets. */
export function splitHostPort(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  return { host: (match[1] ?? match[2]) as string, port };
}

/** envoy.config.core.v3.Address. */
export function socketAddress(address: string, port: number): JsonObject {
  return { socket_address: { address, port_value: port } };
}

export function pipeAddress(path: string): JsonObject {
  return { pipe: { path } };
}
