import 'reflect-metadata';
import { KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
} from '@peculiar/x509';

cryptoProvider.set(webcrypto as never);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Clocks of machines differ. */
const BACKDATE_MS = 60_000;
const HOUR_MS = 3_600_000;

export type Pair = {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly serialNumber: string;
};

export type LeafOptions = {
  readonly name: string;
  /** DNS names, IP addresses and URIs. */
  readonly names: readonly string[];
  readonly notBeforeMs?: number;
  readonly notAfterMs: number;
};

/**
 * A small authority for development and tests: node:crypto reads certificates and cannot make them. It keeps no record and
 * guards its key with file modes alone, so it is for nothing that matters.
 */
export class CertificateAuthority {
  readonly cert: string;
  readonly key: string;
  readonly #name: string;
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(name: string, keys: webcrypto.CryptoKeyPair, cert: string) {
    this.#name = name;
    this.#keys = keys;
    this.cert = cert;
    this.key = pemOfKey(keys.privateKey);
  }

  static async create(options: {
    readonly name: string;
    readonly nowMs: number;
    readonly notAfterMs: number;
  }): Promise<CertificateAuthority> {
    const keys = await newKeys();
    const subject = `CN=${options.name}`;
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerial(),
      name: subject,
      notBefore: new Date(options.nowMs - BACKDATE_MS),
      notAfter: new Date(options.notAfterMs),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new CertificateAuthority(subject, keys, `${certificate.toString('pem')}\n`);
  }

  /** A certificate for both ends of a connection, with its key. */
  async issue({ name, names, notBeforeMs, notAfterMs }: LeafOptions): Promise<Pair> {
    const keys = await newKeys();
    const serialNumber = newSerial();
    const extensions: Extension[] = [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      await AuthorityKeyIdentifierExtension.create(this.#keys.publicKey),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ];
    if (names.length > 0)
      extensions.push(new SubjectAlternativeNameExtension(names.map((value) => ({ type: kindOf(value), value }))));
    const certificate = await X509CertificateGenerator.create({
      serialNumber,
      subject: `CN=${name}`,
      issuer: this.#name,
      notBefore: new Date(notBeforeMs ?? Date.now() - BACKDATE_MS),
      notAfter: new Date(notAfterMs),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      extensions,
    });
    return { cert: `${certificate.toString('pem')}\n`, key: pemOfKey(keys.privateKey), serialNumber };
  }

  /** A revocation list in PEM. */
  async revoke(serialNumbers: readonly string[], nowMs: number, nextMs: number = nowMs + HOUR_MS): Promise<string> {
    const list = await X509CrlGenerator.create({
      issuer: this.#name,
      thisUpdate: new Date(nowMs - BACKDATE_MS),
      nextUpdate: new Date(nextMs),
      entries: serialNumbers.map((serialNumber) => ({ serialNumber, revocationDate: new Date(nowMs - BACKDATE_MS) })),
      signingAlgorithm: ALGORITHM,
      signingKey: this.#keys.privateKey,
      extensions: [await AuthorityKeyIdentifierExtension.create(this.#keys.publicKey)],
    });
    // The library has a name of its own for the block, which OpenSSL does not know.
    return `${list.toString('pem').replaceAll(/(BEGIN|END) CRL/g, '$1 X509 CRL')}\n`;
  }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

/** Positive, and never with a leading zero that libraries would write differently. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function pemOfKey(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }) as string;
}

function kindOf(name: string): 'dns' | 'ip' | 'url' {
  if (name.includes('://')) return 'url';
  return isIP(name) === 0 ? 'dns' : 'ip';
}
