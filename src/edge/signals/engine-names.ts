import { type Endpoint, hostPort } from '../../core/topology/index.ts';

export type EngineNames = {
  /** Values of the label `instance` that mean this endpoint, the most certain first. */
  readonly of: (endpoint: Endpoint, enginePort: number) => readonly string[];
};

/**
 * How Prometheus may call the page of each endpoint in its label `instance`. The address with its port is the endpoint's
 * whoever else there is; an address alone, or a name with or without a port, only where no other server of the policy could
 * be meant. A port alone proves nothing: Prometheus knows more servers than the policy.
 */
export function engineNames(all: Iterable<{ readonly endpoint: Endpoint; readonly enginePort: number }>): EngineNames {
  const servers = new Map<string, Set<string>>();
  for (const { endpoint, enginePort } of all) {
    const server = hostPort(endpoint.address, endpoint.port);
    for (const name of looseNames(endpoint, enginePort)) {
      const meant = servers.get(name) ?? new Set<string>();
      meant.add(server);
      servers.set(name, meant);
    }
  }
  return {
    of: (endpoint, enginePort) => [
      hostPort(endpoint.address, enginePort),
      ...looseNames(endpoint, enginePort).filter((name) => servers.get(name)?.size === 1),
    ],
  };
}

function looseNames({ address, pod, node }: Endpoint, enginePort: number): readonly string[] {
  const local = address === '::1' || address.startsWith('127.') ? 'localhost' : undefined;
  const names = [pod, node, local].filter((name) => name !== undefined);
  return [address, ...names.flatMap((name) => [`${name}:${enginePort}`, name])];
}

/** The text of a label `instance` as {@link engineNames} writes it: an IPv6 address in its one spelling. */
export function instanceName(text: string): string {
  const { host, port } = instanceParts(text);
  return port === undefined ? host : hostPort(host, port);
}

/** The host alone where it is an IP address; undefined where it is a name, which no address is known of. */
export function instanceAddress(text: string): string | undefined {
  const { host } = instanceParts(text);
  return host.includes(':') || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host) ? host : undefined;
}

function instanceParts(text: string): { readonly host: string; readonly port?: number } {
  const bracketed = /^\[([0-9a-fA-F:.]+)\](?::(\d{1,5}))?$/.exec(text);
  if (bracketed !== null) return withPort(canonicalIpv6(bracketed[1] as string), bracketed[2]);
  if (text.split(':').length > 2) return { host: canonicalIpv6(text) };
  const plain = /^([^:]*):(\d{1,5})$/.exec(text);
  return plain === null ? { host: text } : withPort(plain[1] as string, plain[2]);
}

function withPort(host: string, port: string | undefined): { readonly host: string; readonly port?: number } {
  return port === undefined ? { host } : { host, port: Number(port) };
}

/** Endpoints have the one spelling of RFC 5952; what is no address stays as it is. */
function canonicalIpv6(text: string): string {
  return URL.canParse(`http://[${text}]/`) ? new URL(`http://[${text}]/`).hostname.slice(1, -1) : text;
}
