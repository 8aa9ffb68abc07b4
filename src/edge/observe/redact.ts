/** What stands in the place of a secret. */
export const REDACTED = '[redacted]';

/** Deeper than any field of ours; what lies below is cut, so that a cycle ends. */
const MAX_DEPTH = 6;

/** Endings of a key (lower case, letters only) whose text is a secret. */
const SECRET_KEYS = /(?:authorization|cookie|tokens?|passwords?|passwd|secrets?|apikeys?|privatekey|credentials?)$/;

/** `scheme://user:password@host` and `scheme://token@host`. */
const URL_CREDENTIALS = /([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#@"'<>]{1,1024}@/gi;
const URL_SECRETS = /([?&](?:access_token|token|password|secret|api_?key|key|sig|signature)=)[^&\s#"']{1,4096}/gi;
const AUTH_SCHEME = /\b(bearer|basic)\s+[\w+/=~.-]{6,4096}/gi;

/** What every text with a credential has; most have nothing of it, and are not searched further. */
const SUSPICIOUS = /[@=]|bearer|basic/i;

/** @returns the text without the credentials that it carries: in URLs, in query strings, after an authorization scheme. */
export function scrubText(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  return text
    .replace(URL_CREDENTIALS, `$1${REDACTED}@`)
    .replace(URL_SECRETS, `$1${REDACTED}`)
    .replace(AUTH_SCHEME, `$1 ${REDACTED}`);
}

/**
 * A copy of log fields without secrets, at any depth. pino's own `redact` takes fixed paths and would miss a header map
 * two levels down or a URL inside an error's message. Numbers and booleans stay: `tokens: 512` is a count here.
 */
export function redact(value: unknown, depth: number = 0): unknown {
  if (typeof value === 'string') return scrubText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[too deep]';
  if (value instanceof Error) return redactError(value, depth);
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  if (value instanceof Uint8Array) return `[${value.byteLength} bytes]`;
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    copy[key] = isSecret(key, item) ? REDACTED : redact(item, depth + 1);
  }
  return copy;
}

function isSecret(key: string, value: unknown): boolean {
  if (typeof value !== 'string' && typeof value !== 'object') return false;
  return value !== null && SECRET_KEYS.test(key.toLowerCase().replace(/[^a-z]/g, ''));
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const { code, cause } = error as Error & { readonly code?: unknown };
  return {
    type: error.name,
    message: scrubText(error.message),
    ...(code === undefined ? {} : { code }),
    ...(error.stack === undefined ? {} : { stack: scrubText(error.stack) }),
    ...(cause === undefined ? {} : { cause: redact(cause, depth + 1) }),
  };
}
