import type { X509Certificate } from 'node:crypto';

/** Who is at the other end of a connection, as its verified certificate says. */
export type ClientCertificate = {
  /** Undefined for a certificate that names none, or more than one. */
  readonly spiffeId: string | undefined;
  /** Lower case hexadecimal, without leading zeros. */
  readonly serialNumber: string;
  readonly notAfterMs: number;
};

export function clientCertificate(certificate: X509Certificate): ClientCertificate {
  const { subjectAltName, serialNumber, validTo, ca } = certificate;
  return {
    // A SPIFFE ID in the certificate of an authority names a trust domain, never a workload.
    spiffeId: ca ? undefined : spiffeIdOf(subjectAltName),
    serialNumber: plainSerial(serialNumber),
    notAfterMs: Date.parse(validTo),
  };
}

/** Libraries disagree about case and leading zeros. */
export function plainSerial(hex: string): string {
  return hex.toLowerCase().replace(/^0+(?=.)/, '');
}

const TRUST_DOMAIN_AND_PATH = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*$/;
const MAX_CHARACTERS = 2048;
/** `URI:spiffe://a/b, DNS:c`: Node writes a name with anything special in it as a JSON string. */
const ALTERNATIVE_NAME = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;

/**
 * The SPIFFE ID among the alternative names of a certificate, as Node prints them. The X.509-SVID standard (section 2)
 * wants exactly one URI name: a certificate with two must not be let in by the better one of them.
 */
export function spiffeIdOf(subjectAltName: string | undefined): string | undefined {
  const uris: string[] = [];
  ALTERNATIVE_NAME.lastIndex = 0;
  let read = 0;
  const text = subjectAltName ?? '';
  for (
    let match = ALTERNATIVE_NAME.exec(text);
    match !== null && match[0] !== '';
    match = ALTERNATIVE_NAME.exec(text)
  ) {
    if (match[1] === 'URI') uris.push(match[2] ?? '');
    read = ALTERNATIVE_NAME.lastIndex;
    if (read === text.length) break;
  }
  const [only] = uris;
  if (read !== text.length || uris.length !== 1 || only === undefined) return undefined;
  return only.length <= MAX_CHARACTERS && TRUST_DOMAIN_AND_PATH.test(only) ? only : undefined;
}
