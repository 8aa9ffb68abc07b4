import 'reflect-metadata';
import { X509Crl } from '@peculiar/x509';
import { plainSerial } from './client-certificate.ts';
import { pemBlocks } from './tls-material.ts';

/** What certificate revocation lists say, beyond what OpenSSL does with them in a handshake. */
export type Revocations = {
  readonly serialNumbers: ReadonlySet<string>;
  readonly notBeforeMs: number;
  /** When the first of them ends; after that no client of its authority is let in. */
  readonly notAfterMs: number;
};

/** RFC 5280 (4.1.2.5) for what never ends. */
const NEVER_MS = Date.UTC(9999, 11, 31, 23, 59, 59);

/** Loaded only where a list is configured: Node itself can check one, and cannot read it. Undefined for what is none. */
export function readRevocations(pem: string): Revocations | undefined {
  try {
    const lists = pemBlocks(pem).map((block) => new X509Crl(derOf(block)));
    if (lists.length === 0) return undefined;
    return {
      serialNumbers: new Set(lists.flatMap(({ entries }) => entries.map((one) => plainSerial(one.serialNumber)))),
      notBeforeMs: Math.max(...lists.map(({ thisUpdate }) => thisUpdate.getTime())),
      notAfterMs: Math.min(...lists.map(({ nextUpdate }) => nextUpdate?.getTime() ?? NEVER_MS)),
    };
  } catch {
    return undefined; // the library has many ways to say that a text is no list
  }
}

function derOf(block: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(block.replaceAll(/-----[^-]+-----/g, ''), 'base64'));
}
