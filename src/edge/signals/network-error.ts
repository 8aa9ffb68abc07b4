import { FORBIDDEN_HOST } from '../outbound/index.ts';
import type { Failure } from './signal-source.ts';

const KNOWN: Readonly<Record<string, Failure>> = {
  ECONNREFUSED: { reason: 'Unreachable', message: 'connection refused' },
  EHOSTUNREACH: { reason: 'Unreachable', message: 'host unreachable' },
  ENETUNREACH: { reason: 'Unreachable', message: 'network unreachable' },
  ETIMEDOUT: { reason: 'Timeout', message: 'the connection timed out' },
  ENOTFOUND: { reason: 'Unreachable', message: 'the name does not resolve' },
  EAI_AGAIN: { reason: 'Unreachable', message: 'the name cannot be resolved at the moment' },
  ECONNRESET: { reason: 'Closed', message: 'the connection was reset' },
  EPIPE: { reason: 'Closed', message: 'the connection was closed' },
  EMFILE: { reason: 'Internal', message: 'too many open files in this process' },
};

/** An error of node's sockets, HTTP parser or TLS as words for a person. Node's own texts name internals. */
export function wordsOfNetworkError(error: NodeJS.ErrnoException): Failure {
  const code = error.code ?? '';
  const known = KNOWN[code];
  if (known !== undefined) return known;
  if (code === FORBIDDEN_HOST) return { reason: 'Forbidden', message: error.message };
  if (code === 'HPE_HEADER_OVERFLOW') return { reason: 'Protocol', message: 'the headers of the answer are too large' };
  if (code.startsWith('HPE_')) return { reason: 'Protocol', message: 'the answer is not HTTP' };
  if (/CERT|^ERR_TLS|^ERR_SSL|SELF_SIGNED|UNABLE_TO_/.test(code)) {
    return { reason: 'Protocol', message: `the TLS handshake failed (${code})` };
  }
  return { reason: 'Unreachable', message: code === '' ? 'the request failed' : `the request failed (${code})` };
}
