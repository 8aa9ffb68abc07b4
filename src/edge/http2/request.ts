import type { HeaderList } from './hpack/decoder.ts';

/** What of a request's headers is needed here; values have a character for each byte. */
export type Request = {
  readonly method: string;
  readonly path: string;
  /** '' when there is none. */
  readonly contentType: string;
  /** Undefined when nothing was said. */
  readonly contentLength: number | undefined;
};

/** Lower case, and no colon: pseudo-headers are told apart before (RFC 9113, 8.2.1). */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a value
const BAD_VALUE = /[\u0000\r\n]|^[ \t]|[ \t]$/;
const OF_THE_CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
const PSEUDO = new Set([':method', ':scheme', ':path', ':authority']);
const LENGTH = /^\d{1,15}$/;

/** Undefined when the request is malformed: it must be answered with PROTOCOL_ERROR then (RFC 9113, 8.1.1 to 8.3.1). */
export function readRequest(headers: HeaderList): Request | undefined {
  const pseudo = new Map<string, string>();
  let contentType = '';
  let contentLength: number | undefined;
  let regular = false;
  for (const [name, value] of headers) {
    if (name.charCodeAt(0) === COLON) {
      if (regular || !PSEUDO.has(name) || pseudo.has(name) || BAD_VALUE.test(value)) return undefined;
      pseudo.set(name, value);
      continue;
    }
    regular = true;
    if (!isField(name, value)) return undefined;
    if (name === 'content-type') contentType = value;
    else if (name === 'content-length') {
      const length = LENGTH.test(value) ? Number(value) : undefined;
      if (length === undefined || (contentLength !== undefined && contentLength !== length)) return undefined;
      contentLength = length;
    }
  }
  const method = pseudo.get(':method') ?? '';
  const path = pseudo.get(':path') ?? '';
  if (method === '' || path === '' || (pseudo.get(':scheme') ?? '') === '') return undefined;
  return { method, path, contentType, contentLength };
}

/** Whether these may be the trailers of a request. */
export function areTrailers(headers: HeaderList): boolean {
  return headers.every(([name, value]) => isField(name, value));
}

const COLON = 58;

function isField(name: string, value: string): boolean {
  return (
    NAME.test(name) &&
    !BAD_VALUE.test(value) &&
    !OF_THE_CONNECTION.has(name) &&
    (name !== 'te' || value.toLowerCase() === 'trailers')
  );
}
