import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import { CertificateAuthority, type LeafOptions, type Pair } from '../../src/edge/tls/certificate-authority.ts';
import type { ClientTlsFiles, TlsFiles, TlsMaterial } from '../../src/edge/tls/index.ts';

const HOUR_MS = 3_600_000;
const SERVER_NAMES = ['localhost', '127.0.0.1', 'spiffe://mesh.test/loadline'];

/** An authority of a test with a folder for its files. */
export class Pki {
  readonly folder: string;
  readonly authority: CertificateAuthority;

  private constructor(authority: CertificateAuthority) {
    this.authority = authority;
    this.folder = mkdtempSync(join(tmpdir(), 'loadline-pki-'));
  }

  static async create(name = 'test'): Promise<Pki> {
    const nowMs = Date.now();
    return new Pki(
      await CertificateAuthority.create({ name, nowMs: nowMs - 24 * HOUR_MS, notAfterMs: nowMs + 240 * HOUR_MS }),
    );
  }

  issue(options: Partial<LeafOptions> = {}): Promise<Pair> {
    return this.authority.issue({ name: 'leaf', names: SERVER_NAMES, notAfterMs: Date.now() + HOUR_MS, ...options });
  }

  /** Of a client with this SPIFFE ID. */
  client(path: string, options: Partial<LeafOptions> = {}): Promise<Pair> {
    return this.issue({ names: [`spiffe://mesh.test/${path}`], ...options });
  }

  async material(crl?: string): Promise<TlsMaterial> {
    const { cert, key } = await this.issue();
    return { cert, key, ca: this.authority.cert, crl };
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** The files of a server, with a certificate made now. */
  async serverFiles(options: Partial<LeafOptions> = {}): Promise<TlsFiles> {
    const { cert, key } = await this.issue(options);
    return {
      cert: this.write('server.crt', cert),
      key: this.write('server.key', key),
      clientCa: this.write('ca.crt', this.authority.cert),
    };
  }

  /** A certificate and its key beside those of the server. */
  async serverFilesOf(name: string, options: Partial<LeafOptions>): Promise<Pick<TlsFiles, 'cert' | 'key'>> {
    const { cert, key } = await this.issue(options);
    return { cert: this.write(`${name}.crt`, cert), key: this.write(`${name}.key`, key) };
  }

  async clientFiles(path: string): Promise<ClientTlsFiles> {
    const { cert, key } = await this.client(path);
    const name = path.replaceAll('/', '-');
    return {
      ca: this.write('ca.crt', this.authority.cert),
      cert: this.write(`${name}.crt`, cert),
      key: this.write(`${name}.key`, key),
    };
  }

  /** For grpc-js; `pair` undefined: a client without a certificate. */
  credentials(pair: Pick<Pair, 'cert' | 'key'> | undefined, options: SecureContextOptions = {}): ChannelCredentials {
    const own = pair === undefined ? {} : { cert: pair.cert, key: pair.key };
    return credentials.createFromSecureContext(createSecureContext({ ca: this.authority.cert, ...own, ...options }));
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
