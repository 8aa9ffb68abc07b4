/** Why a client was not let in; undefined in its place where a peer just went away. */
export type HandshakeReason = 'NoCertificate' | 'UnknownIssuer' | 'Expired' | 'Revoked' | 'Crl' | 'Protocol' | 'Other';

export const HANDSHAKE_REASONS: readonly HandshakeReason[] = [
  'NoCertificate',
  'UnknownIssuer',
  'Expired',
  'Revoked',
  'Crl',
  'Protocol',
  'Other',
];

export type HandshakeFailure = {
  readonly reason: HandshakeReason | undefined;
  /** Of OpenSSL or of the system: `CERT_HAS_EXPIRED`, `ECONNRESET`. */
  readonly code: string;
};

const REASONS: Readonly<Record<string, HandshakeReason>> = {
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'NoCertificate',
  CERT_HAS_EXPIRED: 'Expired',
  CERT_NOT_YET_VALID: 'Expired',
  CERT_REVOKED: 'Revoked',
  CRL_HAS_EXPIRED: 'Crl',
  CRL_NOT_YET_VALID: 'Crl',
  CRL_SIGNATURE_FAILURE: 'Crl',
  UNABLE_TO_GET_CRL: 'Crl',
  SELF_SIGNED_CERT_IN_CHAIN: 'UnknownIssuer',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'UnknownIssuer',
  UNABLE_TO_GET_ISSUER_CERT: 'UnknownIssuer',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'UnknownIssuer',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'UnknownIssuer',
  CERT_SIGNATURE_FAILURE: 'UnknownIssuer',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'Protocol',
  ERR_SSL_WRONG_VERSION_NUMBER: 'Protocol',
  ERR_SSL_HTTP_REQUEST: 'Protocol',
  ERR_SSL_NO_SHARED_CIPHER: 'Protocol',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'Protocol',
};
/** A port that is probed, or a client that was stopped: nobody's mistake. */
const WENT_AWAY: readonly string[] = ['ECONNRESET', 'EPIPE'];

/**
 * Node ends a connection whose certificate it does not believe without saying why; the reason stands on the socket
 * (`authorizationError`), and the error is a reset.
 */
export function handshakeFailure(error: Error, authorizationError: unknown): HandshakeFailure {
  const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException;
  const own = typeof authorizationError === 'string' ? authorizationError : code;
  if (WENT_AWAY.includes(own)) return { reason: undefined, code: own };
  return { reason: REASONS[own] ?? 'Other', code: own };
}
