import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  checkServerIdentity as tlsCheckServerIdentity,
} from 'node:tls';
import { LoadlineError } from '../../base/errors.ts';
import { spiffeIdOf } from './client-certificate.ts';
import { readPem } from './tls-files.ts';

/** What a client of the admin API is given: paths of files in PEM. */
export type ClientTlsFiles = {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** A name or SPIFFE ID that the server's certificate must have; the host that is dialled when absent. */
  readonly serverName?: string | undefined;
  /** A file with a bearer token, which then says who calls; read with each call. */
  readonly tokenFile?: string | undefined;
};

export type ClientTls = {
  readonly context: SecureContext;
  /** Undefined when the certificate has the name. */
  readonly checkServer: (certificate: PeerCertificate) => Error | undefined;
};

/**
 * Reads the files anew, so that each connection is made with the certificate of that day.
 * @throws LoadlineError LOADLINE_CONFIG; nothing of a file's content is in it
 */
export function readClientTls(files: ClientTlsFiles, host: string): ClientTls {
  const [ca, cert, key] = [pemOf(files.ca), pemOf(files.cert), pemOf(files.key)];
  checkPair(files, cert, key);
  const context = contextOf(files, { ca, cert, key });
  const name = files.serverName ?? host;
  return { context, checkServer: (certificate) => checkServer(name, certificate) };
}

function checkServer(name: string, certificate: PeerCertificate): Error | undefined {
  if (!name.startsWith('spiffe://')) return tlsCheckServerIdentity(name, certificate);
  const found = spiffeIdOf(certificate.subjectaltname);
  return found === name ? undefined : new Error(`the server's certificate has the SPIFFE ID ${found ?? 'of nobody'}`);
}

function pemOf(path: string): string {
  try {
    return readPem(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new LoadlineError('LOADLINE_CONFIG', `${path} cannot be read: ${code ?? message}`);
  }
}

function checkPair(files: ClientTlsFiles, cert: string, key: string): void {
  let matches: boolean;
  try {
    matches = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    throw new LoadlineError('LOADLINE_CONFIG', `${files.cert} or ${files.key} is no certificate or private key in PEM`);
  }
  if (!matches)
    throw new LoadlineError('LOADLINE_CONFIG', `the key ${files.key} is not that of the certificate ${files.cert}`);
}

function contextOf(files: ClientTlsFiles, pem: { ca: string; cert: string; key: string }): SecureContext {
  try {
    return createSecureContext({ ...pem, minVersion: 'TLSv1.3' });
  } catch {
    throw new LoadlineError('LOADLINE_CONFIG', `OpenSSL refuses ${files.ca}, or ${files.cert} with ${files.key}`);
  }
}
