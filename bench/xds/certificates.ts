import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsFiles } from './messages.ts';

export type Certificates = { readonly server: TlsFiles; readonly client: TlsFiles };

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const DAYS = ['-days', '2'];

/** A CA and one certificate per side, made with the openssl command and kept until the end. A string says why there are none. */
export function makeCertificates(): Certificates | string {
  const folder = mkdtempSync(join(tmpdir(), 'loadline-bench-'));
  const file = (name: string): string => join(folder, name);
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const issue = (name: string, subjectAltName: string): TlsFiles => {
    writeFileSync(file('extensions'), `subjectAltName=${subjectAltName}\n`);
    openssl('req', '-new', ...KEY, '-subj', `/CN=${name}`, '-keyout', file(`${name}.key`), '-out', file('request'));
    const by = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial'];
    const out = ['-extfile', file('extensions'), '-out', file(`${name}.pem`)];
    openssl('x509', '-req', '-in', file('request'), ...by, ...DAYS, ...out);
    return { ca: file('ca.pem'), cert: file(`${name}.pem`), key: file(`${name}.key`) };
  };
  try {
    openssl('req', '-x509', ...KEY, ...DAYS, '-subj', '/CN=bench', '-keyout', file('ca.key'), '-out', file('ca.pem'));
    return {
      server: issue('server', 'DNS:localhost,IP:127.0.0.1'),
      client: issue('client', 'URI:spiffe://bench/group/lab'),
    };
  } catch (error) {
    return (error as Error).message;
  }
}

function openssl(...args: string[]): void {
  const done = spawnSync('openssl', args, { encoding: 'utf8' });
  if ((done.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') throw new Error('openssl is not installed');
  if (done.status !== 0) throw new Error(`openssl ${args[0]} failed: ${done.error?.message ?? done.stderr.trim()}`);
}
