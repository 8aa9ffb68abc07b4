import type { OutboundGuard } from '../outbound/index.ts';

/** A URL as it is asked, or why it is not. */
export type PageAddress =
  | {
      readonly kind: 'Usable';
      readonly url: URL;
      readonly host: string;
      readonly port: number;
      /** The first lines of a GET: what is the same for all that is asked of this URL. */
      readonly head: string;
    }
  | { readonly kind: 'Malformed' }
  | { readonly kind: 'Forbidden'; readonly why: string };

const MAX_REMEMBERED = 10_000;

/** Reads URLs and remembers what it read: the same are asked every second. */
export class PageAddresses {
  readonly #guard: OutboundGuard;
  readonly #known = new Map<string, PageAddress>();

  constructor(guard: OutboundGuard) {
    this.#guard = guard;
  }

  of(text: string): PageAddress {
    let address = this.#known.get(text);
    if (address === undefined) {
      address = this.#read(text);
      if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
      this.#known.set(text, address);
    }
    return address;
  }

  #read(text: string): PageAddress {
    const url = usableUrl(text);
    if (url === undefined) return { kind: 'Malformed' };
    const why = this.#guard.refusalOf(url);
    if (why !== undefined) return { kind: 'Forbidden', why };
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
    return { kind: 'Usable', url, host, port, head: headOf(url) };
  }
}

function headOf({ pathname, search, host, username, password }: URL): string {
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  const authorization = username === '' && password === '' ? '' : `authorization: Basic ${credentials}\r\n`;
  return `GET ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n${authorization}user-agent: loadline\r\n`;
}

function usableUrl(text: string): URL | undefined {
  try {
    const url = new URL(text);
    // Node decodes the credentials when the request is made, and throws there if they are malformed.
    decodeURIComponent(url.username + url.password);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
  } catch {
    // Malformed: the caller has the words for it.
    return undefined;
  }
}
