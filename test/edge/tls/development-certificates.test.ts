import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DevelopmentOptions, spiffeIdOf, writeDevelopmentCertificates } from '../../../src/edge/tls/index.ts';

let folder: string;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'loadline-certs-')), 'certs');
});

afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

const options = (over: Partial<DevelopmentOptions> = {}): DevelopmentOptions => ({
  folder,
  trustDomain: 'mesh.test',
  hosts: ['loadline.mesh.test', '10.0.0.7'],
  sidecars: ['lab', 'code'],
  days: 90,
  force: false,
  nowMs: Date.now(),
  ...over,
});

const certificate = (name: string): X509Certificate => new X509Certificate(readFileSync(join(folder, `${name}.crt`)));

describe('certificates for development', () => {
  it('are an authority and what it has signed: a server, sidecars, a person', async () => {
    const files = await writeDevelopmentCertificates(options());
    expect(files).toEqual([
      { path: join(folder, 'ca.crt') },
      { path: join(folder, 'server.crt'), spiffeId: 'spiffe://mesh.test/server' },
      { path: join(folder, 'sidecar-lab.crt'), spiffeId: 'spiffe://mesh.test/sidecar/lab' },
      { path: join(folder, 'sidecar-code.crt'), spiffeId: 'spiffe://mesh.test/sidecar/code' },
      { path: join(folder, 'admin.crt'), spiffeId: 'spiffe://mesh.test/admin' },
    ]);
    const authority = certificate('ca');
    expect(authority.ca).toBe(true);
    for (const name of ['server', 'sidecar-lab', 'sidecar-code', 'admin']) {
      const one = certificate(name);
      expect(one.verify(authority.publicKey), name).toBe(true);
      expect(one.ca).toBe(false);
    }
    const server = certificate('server');
    for (const host of ['localhost', 'loadline.mesh.test']) expect(server.checkHost(host)).toBe(host);
    for (const ip of ['127.0.0.1', '::1', '10.0.0.7']) expect(server.checkIP(ip)).toBe(ip);
    expect(spiffeIdOf(certificate('admin').subjectAltName)).toBe('spiffe://mesh.test/admin');
    expect(Math.round((Date.parse(server.validTo) - Date.now()) / 86_400_000)).toBe(90);
  });

  it('keeps the keys for their owner alone', async () => {
    await writeDevelopmentCertificates(options());
    const keys = readdirSync(folder).filter((name) => name.endsWith('.key'));
    expect(keys).toHaveLength(5);
    for (const name of keys) expect((statSync(join(folder, name)).mode & 0o777).toString(8), name).toBe('600');
    expect((statSync(folder).mode & 0o777).toString(8)).toBe('700');
  });

  it('replaces nothing unless it is forced to, and then all of it', async () => {
    await writeDevelopmentCertificates(options());
    const before = readFileSync(join(folder, 'ca.key'), 'utf8');
    await expect(writeDevelopmentCertificates(options())).rejects.toMatchObject({
      code: 'LOADLINE_CERTS',
      message: expect.stringContaining(`${join(folder, 'ca.crt')} is there already; --force`),
    });
    expect(readFileSync(join(folder, 'ca.key'), 'utf8')).toBe(before);
    await writeDevelopmentCertificates(options({ force: true }));
    expect(readFileSync(join(folder, 'ca.key'), 'utf8')).not.toBe(before);
    expect(certificate('server').verify(certificate('ca').publicKey)).toBe(true);
    expect(readdirSync(folder).filter((name) => !/\.(crt|key)$/.test(name))).toEqual([]);
  });

  it('says where it cannot write', async () => {
    await expect(writeDevelopmentCertificates(options({ folder: 'package.json/none' }))).rejects.toMatchObject({
      code: 'LOADLINE_CERTS',
      message: expect.stringMatching(/^package\.json\/none cannot be written: ENOTDIR/),
    });
  });
});
