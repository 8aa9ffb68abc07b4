import { X509Certificate } from 'node:crypto';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { Peer } from '../../core/access/index.ts';
import { clientCertificate } from '../tls/index.ts';

/** A call of any of the four kinds. */
export type IncomingCall = Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext' | 'metadata' | 'cancelled'>;

/** How a server reads who a connection belongs to. Nobody is taken for local on a listener that demands certificates. */
export function callersOf(mutualTls: boolean): (call: IncomingCall) => Peer {
  if (!mutualTls) return () => ({ kind: 'Development' });
  return (call) => {
    const raw = call.getAuthContext().sslPeerCertificate?.raw;
    return { kind: 'Certificate', spiffeId: raw && clientCertificate(new X509Certificate(raw)).spiffeId };
  };
}
