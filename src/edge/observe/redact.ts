import { REDACTED, scrubText } from '../../base/units/index.ts';

/** Deeper than any field of ours; what lies below is cut, so that a cycle ends. */
const MAX_DEPTH = 6;

/** Endings of a key (lower case, letters only) whose text is a secret. */
const SECRET_KEYS = /(?:authorization|cookie|tokens?|passwords?|passwd|secrets?|apikeys?|privatekey|credentials?)$/;

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
