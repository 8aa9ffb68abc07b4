import { type LookupAddress, type LookupOptions, lookup as resolveName } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { forbiddenHost, parseIp } from '../../base/units/index.ts';
import { type AllowList, allowsAddress, allowsName } from './allow-list.ts';

/** As `dns.lookup` with `all`. */
export type Resolve = (
  name: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;

/** The code of the error with which a connection ends that was not allowed. */
export const FORBIDDEN_HOST = 'LOADLINE_FORBIDDEN_HOST';

/**
 * Decides which hosts this process asks for anything, whoever wrote the URL. A name is judged by the addresses that the very
 * connection would use: it is resolved once, inside the connect, and every address must pass. So a name that answers
 * differently the second time (DNS rebinding) gains nothing.
 */
export class OutboundGuard {
  readonly #allow: AllowList | undefined;
  readonly #resolve: Resolve;

  /** Without an allow list everything may be asked that is not forbidden to everybody. */
  constructor(options: { readonly allow?: AllowList | undefined; readonly resolve?: Resolve } = {}) {
    this.#allow = options.allow;
    this.#resolve = options.resolve ?? resolveName;
  }

  /** Why a URL is not fetched, as far as it tells itself; names are judged when they are resolved. */
  refusalOf(url: URL): string | undefined {
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return `${url.protocol} is neither http: nor https:`;
    const host = url.hostname.replace(/^\[|\]$/g, '');
    return parseIp(host) === undefined ? undefined : this.refusalOfAddress(host);
  }

  /** Why nothing at this IP address is asked. */
  refusalOfAddress(address: string): string | undefined {
    const why = forbiddenHost(address);
    if (why !== undefined) return `${address} is never asked: it is ${why}`;
    if (this.#allow === undefined || allowsAddress(this.#allow, address)) return undefined;
    return `${address} is not in the allow list of the server`;
  }

  /** For `net.connect`, which calls it for every host that is a name. */
  readonly lookup: LookupFunction = (name, options, callback) => {
    this.#resolve(name, { ...options, all: true }, (error, found) => {
      const [first] = found ?? [];
      const refusal = error ?? this.#refusalOfName(name, found);
      if (refusal !== undefined || first === undefined) callback(refusal ?? notFound(name), '');
      else if (options.all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };

  #refusalOfName(name: string, found: readonly LookupAddress[]): NodeJS.ErrnoException | undefined {
    for (const { address } of found) {
      const why = forbiddenHost(address);
      if (why !== undefined) return forbidden(`${name} resolves to ${address}, which is never asked: it is ${why}`);
      if (this.#allow !== undefined && !allowsName(this.#allow, name) && !allowsAddress(this.#allow, address))
        return forbidden(`neither ${name} nor ${address} is in the allow list of the server`);
    }
    return undefined;
  }
}

function forbidden(message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code: FORBIDDEN_HOST });
}

function notFound(name: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${name} has no address`), { code: 'ENOTFOUND' });
}
