import { constants } from 'node:crypto';
import type { TlsOptions } from 'node:tls';

/** What a listener needs for mutual TLS, all in PEM. */
export type TlsMaterial = {
  /** Chain, the server's own certificate first. */
  readonly cert: string;
  readonly key: string;
  /** Certificates of the authorities whose clients are let in. */
  readonly ca: string;
  /** Revocation lists: with them, one for each authority in a client's chain. */
  readonly crl?: string | undefined;
};

/** A peer that is slower with its handshake is not let in; Node would wait for two minutes. */
const HANDSHAKE_MS = 10_000;

/**
 * TLS 1.3 alone, and a certificate of the client in every handshake. A resumed session would skip the check of that
 * certificate (validity and revocation are judged in full handshakes only), so tickets are off. `setSecureContext` starts
 * from nothing: it must be given all of this again, or it falls back to TLS 1.2.
 */
export function serverOptions({ cert, key, ca, crl }: TlsMaterial): TlsOptions {
  return {
    cert,
    key,
    ca: [...pemBlocks(ca)],
    // Node reads only the first list of a text.
    ...(crl === undefined ? {} : { crl: [...pemBlocks(crl)] }),
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ['h2'],
    handshakeTimeout: HANDSHAKE_MS,
  };
}

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/** The blocks of a PEM text, each with its own begin and end. */
export function pemBlocks(text: string): readonly string[] {
  return [...text.matchAll(PEM_BLOCK)].map(([block]) => `${block}\n`);
}
