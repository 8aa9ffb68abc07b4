import { describe, expect, it } from 'vitest';
import { handshakeFailure, type Validity, validityState } from '../../../src/edge/tls/index.ts';

const CERTIFICATE: Validity = { role: 'server', file: 'server.crt', notBeforeMs: 1000, notAfterMs: 2000 };

describe('the end of a certificate', () => {
  it.each([
    [1000, 'Valid'],
    [1666, 'Valid'], // a third is left: when cert-manager renews
    [1700, 'Valid'],
    [1701, 'Late'],
    [1900, 'Late'],
    [1901, 'Urgent'],
    [1999, 'Urgent'],
    [2000, 'Expired'],
    [9000, 'Expired'],
  ] as const)('at %d of 1000 to 2000 it is %s', (nowMs, state) => {
    expect(validityState(CERTIFICATE, nowMs)).toBe(state);
  });
});

describe('why a handshake failed', () => {
  it('is what the socket knows, for Node itself only says that the connection was reset', () => {
    const reset = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    expect(handshakeFailure(reset, 'CERT_HAS_EXPIRED')).toEqual({ reason: 'Expired', code: 'CERT_HAS_EXPIRED' });
    expect(handshakeFailure(reset, 'CERT_REVOKED')).toEqual({ reason: 'Revoked', code: 'CERT_REVOKED' });
    expect(handshakeFailure(reset, 'CERT_CHAIN_TOO_LONG')).toEqual({ reason: 'Other', code: 'CERT_CHAIN_TOO_LONG' });
  });

  it('is nothing where a peer went away: a port that is probed is nobody’s mistake', () => {
    const reset = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    expect(handshakeFailure(reset, null)).toEqual({ reason: undefined, code: 'ECONNRESET' });
  });
});
