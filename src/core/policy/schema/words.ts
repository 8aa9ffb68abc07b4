import type { z } from 'zod';
import { forbiddenHost } from '../../../base/units/index.ts';
import { canonicalAddress } from './ip-address.ts';
import { matching, readText } from './shape.ts';

export const LABEL: RegExp = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** Clients call names with underscores too (those of compose services); nobody resolves them through us. */
const HOST = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const HOSTNAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** A DNS-1123 label: names end up in cluster names, runtime keys and metrics. */
export function label(): z.ZodType<string> {
  return matching(LABEL, 'a name of at most 63 letters a-z, digits and inner hyphens', (text) => {
    const near = text
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 63);
    return LABEL.test(near) ? `such as ${near}` : undefined;
  });
}

export function className(): z.ZodType<string> {
  return matching(/^[A-Za-z][A-Za-z0-9-]{0,30}$/, 'a class name such as P1: a letter, then letters, digits or hyphens');
}

const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]{1,256}$/;

export function headerName(): z.ZodType<string> {
  return matching(HEADER_NAME, 'the name of a header in lower case, such as x-api-key', (text) =>
    /^[A-Za-z0-9-]+$/.test(text) ? `write ${text.toLowerCase()}` : undefined,
  );
}

/** A header by which requests are told apart. */
export function matchedHeader(): z.ZodType<string> {
  return readText(
    'the name of a header in lower case, such as x-tenant',
    (text) => (HEADER_NAME.test(text) && text !== 'host' ? text : undefined),
    (text) => {
      if (/^:?(?:host|authority)$/i.test(text)) return 'hostnames of the service say which hosts';
      if (/^:?path$/i.test(text)) return 'match.path or match.pathPrefix say which paths';
      return /^[A-Za-z0-9-]+$/.test(text) ? `write ${text.toLowerCase()}` : undefined;
    },
    { pattern: HEADER_NAME.source, examples: ['x-tenant'] },
  );
}

/** Headers that mean something to Envoy, to the connection or to who checks tokens: overwriting one breaks every request. */
const NOT_FOR_CLASSES: readonly string[] = [
  ...['host', 'content-length', 'content-type', 'transfer-encoding', 'connection', 'keep-alive', 'te', 'trailer'],
  ...[
    'upgrade',
    'expect',
    'proxy-connection',
    'authorization',
    'proxy-authorization',
    'cookie',
    'accept',
    'accept-encoding',
  ],
];

/** The header that names a class: the route sets it for the server, whatever the client has written. */
export function classHeader(): z.ZodType<string> {
  return readText(
    'the name of a header of its own in lower case, such as x-loadline-class',
    (text) =>
      HEADER_NAME.test(text) && !NOT_FOR_CLASSES.includes(text) && !text.startsWith('x-envoy-') ? text : undefined,
    (text) => {
      if (NOT_FOR_CLASSES.includes(text.toLowerCase())) return 'each request would be sent on with the class in it';
      if (text.startsWith('x-envoy-')) return 'Envoy obeys or overwrites these itself';
      return /^[A-Za-z0-9-]+$/.test(text) ? `write ${text.toLowerCase()}` : undefined;
    },
    { pattern: HEADER_NAME.source, examples: ['x-loadline-class'] },
  );
}

/** A name that clients call, as Envoy matches the host header: exact, `*.suffix` or `*`. */
export function hostname(): z.ZodType<string> {
  return readText(
    'a host name in lower case, *.SUFFIX or "*"',
    (text) => (text === '*' || HOST.test(text.startsWith('*.') ? text.slice(2) : text) ? text : undefined),
    (text) => {
      if (text === '') return 'write "*" for all hosts';
      if (/^[a-z]+:\/\//i.test(text)) return 'only the host, without scheme and path';
      if (/^[^:]+:\d+$/.test(text)) return `without the port: ${text.slice(0, text.lastIndexOf(':'))}`;
      if (HOST.test(text.toLowerCase())) return `write ${text.toLowerCase()}`;
      return text.includes('*') ? 'a star stands alone or at the front: "*" or "*.example.com"' : undefined;
    },
    { pattern: `^\\*$|^(?:\\*\\.)?${HOST.source.slice(1)}`, examples: ['*', '*.example.com'] },
  );
}

export function dnsName(): z.ZodType<string> {
  return matching(HOSTNAME, 'a DNS name in lower case such as llama.models.example');
}

const PATHS = {
  Page: 'a path such as /metrics',
  Prefix: 'a path prefix such as / or /v1/',
  Exact: 'a whole path such as /v1/rerank',
};

/** A path on a server; a query is allowed where a page is fetched, not where requests are matched. */
export function urlPath(kind: 'Page' | 'Prefix' | 'Exact'): z.ZodType<string> {
  const phrase = PATHS[kind];
  return matching(kind === 'Page' ? /^\/[!-"$-~]{0,1023}$/ : /^\/[!-"$->@-~]{0,4095}$/, phrase, (text) =>
    /^[a-z0-9]/i.test(text) && !text.includes(':') ? `start it with a slash: /${text}` : undefined,
  );
}

/** A file of this machine, with `{address}` and `{port}` of an endpoint; never relative, and never up a folder. */
export function filePath(): z.ZodType<string> {
  return readText(
    'the absolute path of a file, such as /run/gpu/{address}-{port}.prom',
    (text) => {
      const plain = text.replaceAll(/\{(?:address|port)\}/g, '0');
      return /^\/[ -z|~]{1,1023}$/.test(plain) && !/\/(?:\.\.?)?(?:\/|$)/.test(plain) ? text : undefined;
    },
    (text) => {
      const unknown = /\{[^{}]*\}/g;
      const odd = [...text.matchAll(unknown)].find(([one]) => one !== '{address}' && one !== '{port}');
      if (odd !== undefined) return 'only {address} and {port} are filled in';
      if (/^[^/]/.test(text)) return 'start it at the root: the folder in which the server was started is no promise';
      return text.includes('..') ? 'without ..' : undefined;
    },
    { pattern: '^(?!.*/\\.{0,2}(?:/|$))/[!-~ ]+$', examples: ['/run/gpu/{address}-{port}.prom'] },
  );
}

/** A file of the machine that a sidecar runs on. */
export function sidecarFile(): z.ZodType<string> {
  return readText(
    'the absolute path of a file on the machines of the sidecars, such as /etc/envoy/models-ca.pem',
    (text) => (/^\/[!-~]{1,1023}$/.test(text) && !/\/(?:\.\.?)?(?:\/|$)/.test(text) ? text : undefined),
    (text) => {
      if (text.includes('-----BEGIN')) return 'certificates and keys stay in files beside Envoy; write the path of one';
      if (/^[^/]/.test(text)) return 'start it at the root: nobody knows in which folder an Envoy was started';
      return text.includes('..') ? 'without ..' : undefined;
    },
    { pattern: '^(?!.*/\\.{0,2}(?:/|$))/[!-~]+$', examples: ['/etc/envoy/models-ca.pem'] },
  );
}

/** A name in a certificate. */
export function subjectAltName(): z.ZodType<string> {
  return readText(
    'a DNS name, an IP address or a URI such as spiffe://mesh.example/ns/models/sa/vllm',
    (text) => {
      if (/^[a-z][a-z0-9+.-]*:\/\/[!-~]{1,2000}$/.test(text)) return text;
      return canonicalAddress(text) ?? (HOSTNAME.test(text) ? text : undefined);
    },
    (text) => {
      if (text.startsWith('*.')) return 'write the name that is asked for: a certificate for all of them has it too';
      return HOSTNAME.test(text.toLowerCase()) ? `write ${text.toLowerCase()}` : undefined;
    },
    { pattern: '^[a-z0-9:][!-~]*$', examples: ['models.example'] },
  );
}

const MAX_URL_CHARS = 2048;

export function httpUrl(): z.ZodType<string> {
  return readText(
    'a URL such as http://prometheus:9090, without user and password',
    (text) => {
      if (text.length > MAX_URL_CHARS || !/^https?:\/\//.test(text) || !URL.canParse(text)) return undefined;
      const url = new URL(text);
      const plain = url.username === '' && url.password === '' && url.hash === '';
      return plain && forbiddenHost(url.hostname) === undefined ? text : undefined;
    },
    (text) => {
      if (/^[a-z0-9.-]+:\d+/i.test(text)) return `write http://${text}`;
      const why = URL.canParse(text) ? forbiddenHost(new URL(text).hostname) : undefined;
      return why === undefined ? undefined : `that host is never asked: it is ${why}`;
    },
    { pattern: '^https?://(?![^/?#\\\\]*[^/?#\\\\@:]@)', maxLength: MAX_URL_CHARS },
  );
}

export function spiffePattern(): z.ZodType<string> {
  return matching(
    /^spiffe:\/\/[a-z0-9._-]+(\/[A-Za-z0-9._-]+)*(\/\*)?$/,
    'a SPIFFE ID such as spiffe://mesh.example/ns/chat/sa/web, with /* only at its end',
  );
}

/** What an Envoy calls itself: `node.id` of its bootstrap. */
export function nodeId(): z.ZodType<string> {
  return matching(/^[!-~]{1,253}$/, 'the node.id of a sidecar, without spaces');
}

/** `Europe/Berlin`, `UTC`; known to this Node's time zone data. */
export function timeZone(): z.ZodType<string> {
  const known = (text: string): boolean => {
    try {
      new Intl.DateTimeFormat('en', { timeZone: text });
      return true;
    } catch {
      return false; // the constructor has no other way to say "unknown"
    }
  };
  return readText(
    'a time zone such as Europe/Berlin or UTC',
    (text) => (/^[A-Za-z]/.test(text) && text.length <= 64 && known(text) ? text : undefined),
    undefined,
    { pattern: '^[A-Za-z]', maxLength: 64, examples: ['Europe/Berlin', 'UTC'] },
  );
}

export function timeOfDay(): z.ZodType<string> {
  return matching(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as "22:00"');
}
