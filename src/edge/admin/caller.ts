import { X509Certificate } from 'node:crypto';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { clientCertificate } from '../tls/index.ts';

/** Who calls a method of the admin API; what it may do is decided by this value alone. */
export type Caller =
  /** `--dev`: somebody on this machine. */
  | { readonly kind: 'Plaintext' }
  /** The client CA has signed its certificate; undefined where that names no SPIFFE ID. */
  | { readonly kind: 'Certified'; readonly spiffeId: string | undefined };

/** A call of any of the four kinds. */
export type IncomingCall = Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>;

/** How a server reads its callers. Nobody is taken for local on a listener that demands certificates. */
export function callersOf(mutualTls: boolean): (call: IncomingCall) => Caller {
  if (!mutualTls) return () => ({ kind: 'Plaintext' });
  return (call) => {
    const raw = call.getAuthContext().sslPeerCertificate?.raw;
    return { kind: 'Certified', spiffeId: raw && clientCertificate(new X509Certificate(raw)).spiffeId };
  };
}

/** For the log. */
export function callerText(caller: Caller): string {
  return caller.kind === 'Plaintext' ? 'plaintext on loopback' : (caller.spiffeId ?? 'a certificate without SPIFFE ID');
}
