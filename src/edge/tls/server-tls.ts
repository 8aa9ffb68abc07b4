import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Issue, Result } from '../../base/units/index.ts';
import type { TlsFiles, TlsTexts } from './tls-files.ts';
import { pemBlocks, serverOptions, type TlsMaterial } from './tls-material.ts';
import type { Validity } from './validity.ts';

/** Material that was checked: a listener can take it, and it serves now. */
export type ServerTls = {
  readonly material: TlsMaterial;
  readonly validities: readonly Validity[];
  /** Serial numbers, as `ClientCertificate` has them. */
  readonly revoked: ReadonlySet<string>;
};

/**
 * Checks what was read before a listener sees it, so that a half-written or mixed-up pair never takes the place of a good
 * one. No message has anything of a file's content in it: one of them is a private key.
 */
export async function checkServerTls(files: TlsFiles, texts: TlsTexts, nowMs: number): Promise<Result<ServerTls>> {
  const issues: string[] = [];
  const chain = certificatesIn(texts.cert);
  const [own] = chain ?? [];
  if (chain === undefined || own === undefined) issues.push(`${files.cert} holds no certificate in PEM`);
  const key = privateKeyIn(texts.key);
  if (key === undefined) issues.push(`${files.key} holds no private key in PEM, or an encrypted one`);
  if (own !== undefined && key !== undefined && !own.checkPrivateKey(key))
    issues.push(`the key ${files.key} is not that of the certificate ${files.cert}`);
  const authorities = certificatesIn(texts.clientCa)?.filter(({ ca }) => ca) ?? [];
  if (authorities.length === 0) issues.push(`${files.clientCa} holds no certificate of an authority in PEM`);
  if (chain === undefined || own === undefined || issues.length > 0) return refused(issues);

  const server = { role: 'server', file: files.cert, ...shared(chain) } as const;
  const alive = authorities.filter((one) => Date.parse(one.validTo) > nowMs);
  const clientCa = {
    role: 'client_ca',
    file: files.clientCa,
    ...shared(alive.length > 0 ? alive : authorities),
  } as const;
  const { clientCrl } = files;
  const crl = clientCrl === undefined ? undefined : await revocationsIn(clientCrl, texts.clientCrl ?? '');
  if (typeof crl === 'string') return refused([crl]);
  const validities: readonly Validity[] = [server, clientCa, ...(crl === undefined ? [] : [crl.validity])];
  issues.push(...validities.flatMap((one) => notValidNow(one, nowMs)));
  const material = { cert: texts.cert, key: texts.key, ca: texts.clientCa, crl: texts.clientCrl };
  if (issues.length === 0 && !isAccepted(material)) issues.push(`OpenSSL refuses ${files.cert} with ${files.key}`);
  if (issues.length > 0) return refused(issues);
  return {
    ok: true,
    value: { material, validities, revoked: crl?.serialNumbers ?? new Set() },
    warnings: [],
  };
}

async function revocationsIn(
  file: string,
  text: string,
): Promise<string | { readonly validity: Validity; readonly serialNumbers: ReadonlySet<string> }> {
  const { readRevocations } = await import('./revocations.ts');
  const read = readRevocations(text);
  if (read === undefined) return `${file} holds no certificate revocation list in PEM`;
  const { notBeforeMs, notAfterMs, serialNumbers } = read;
  return { validity: { role: 'client_crl', file, notBeforeMs, notAfterMs }, serialNumbers };
}

function certificatesIn(pem: string): readonly X509Certificate[] | undefined {
  try {
    return pemBlocks(pem).map((block) => new X509Certificate(block));
  } catch {
    return undefined; // OpenSSL's words quote nothing of the file, and say nothing to a person
  }
}

function privateKeyIn(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined; // as above; and this content must not be quoted
  }
}

/** The time in which all of them are valid. */
function shared(certificates: readonly X509Certificate[]): Pick<Validity, 'notBeforeMs' | 'notAfterMs'> {
  return {
    notBeforeMs: Math.max(...certificates.map(({ validFrom }) => Date.parse(validFrom))),
    notAfterMs: Math.min(...certificates.map(({ validTo }) => Date.parse(validTo))),
  };
}

function notValidNow({ file, notBeforeMs, notAfterMs }: Validity, nowMs: number): readonly string[] {
  if (nowMs >= notAfterMs) return [`${file} has expired (${new Date(notAfterMs).toISOString()})`];
  if (nowMs < notBeforeMs) return [`${file} is not valid before ${new Date(notBeforeMs).toISOString()}`];
  return [];
}

function isAccepted(material: TlsMaterial): boolean {
  try {
    createSecureContext(serverOptions(material));
    return true;
  } catch {
    return false; // a key that is too short, a curve that TLS does not know
  }
}

function refused(messages: readonly string[]): Result<ServerTls> {
  const issues: readonly Issue[] = messages.map((message) => ({ code: 'TLS', path: '', message }));
  return { ok: false, issues };
}
