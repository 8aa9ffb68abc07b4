import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Certificates, type CertificateUser } from '../../src/app/certificates.ts';
import type { ClientCertificate, TlsFiles } from '../../src/edge/tls/index.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';
import { Pki } from '../support/pki.ts';

const HOUR_MS = 3_600_000;
const BEGIN_MS = Date.now();

let pki: Pki;
let files: TlsFiles;
let log: FakeLog;
let nowMs: number;
let certificates: Certificates | undefined;
let renewed: string[];
let ended: string[];
let clients: readonly ClientCertificate[];
let counts: string[];

const user: CertificateUser = {
  renewTls: ({ cert }) => renewed.push(cert),
  endClients: (verdict) => {
    for (const client of clients) {
      const why = verdict(client);
      if (why !== undefined) ended.push(`${client.spiffeId}: ${why}`);
    }
  },
};
const metrics = {
  tlsReloaded: (result: string) => counts.push(result),
  handshakeFailed: (listener: string, reason: string) => counts.push(`${listener} ${reason}`),
};

beforeAll(async () => {
  pki = await Pki.create();
});

afterAll(() => pki.dispose());

beforeEach(async () => {
  vi.useFakeTimers({ now: BEGIN_MS });
  log = new FakeLog();
  nowMs = BEGIN_MS;
  [renewed, ended, clients, counts] = [[], [], [], []];
  files = await pki.serverFiles({ notAfterMs: BEGIN_MS + 10 * HOUR_MS, notBeforeMs: BEGIN_MS - 60_000 });
});

afterEach(() => {
  certificates?.stop();
  vi.useRealTimers();
});

async function start(over: Partial<TlsFiles> = {}): Promise<Certificates> {
  certificates = await Certificates.open({ ...files, ...over }, log, () => nowMs);
  certificates.start([user], metrics);
  return certificates;
}

const said = (): readonly string[] => log.lines.map(([level, , message]) => `${level}: ${message}`);

describe('the certificates of a server', () => {
  it('are checked before anything listens', async () => {
    await expect(Certificates.open({ ...files, key: files.cert }, log)).rejects.toMatchObject({
      code: 'LOADLINE_TLS',
      message: `${files.cert} holds no private key in PEM, or an encrypted one`,
    });
    await expect(Certificates.open({ ...files, cert: '/none' }, log)).rejects.toMatchObject({
      code: 'LOADLINE_TLS',
      message: '/none cannot be read: ENOENT',
    });
  });

  it('are given to every listener when the files change, and the state says until when', async () => {
    const own = await start();
    const next = await pki.issue({ notAfterMs: BEGIN_MS + 20 * HOUR_MS });
    writeFileSync(files.cert, next.cert);
    writeFileSync(files.key, next.key);
    await vi.advanceTimersByTimeAsync(3000);
    await vi.waitFor(() => expect(renewed).toEqual([next.cert]));
    expect(counts).toEqual(['accepted']);
    expect(said()).toEqual(['info: certificates renewed']);
    expect(own.material.cert).toBe(next.cert);
    expect(own.view()).toMatchObject({
      problems: [],
      certificates: [{ role: 'server', file: files.cert, state: 'Valid' }, { role: 'client_ca' }],
    });
  });

  it('stay when the new ones cannot be used: one line in the log, a count, and the state says why', async () => {
    const own = await start();
    writeFileSync(files.cert, (await pki.issue()).cert);
    await vi.advanceTimersByTimeAsync(10_000);
    const problem = `the key ${files.key} is not that of the certificate ${files.cert}`;
    await vi.waitFor(() => expect(own.view().problems).toEqual([problem]));
    expect(renewed).toEqual([]);
    expect(counts).toEqual(['refused']);
    expect(log.lines).toEqual([
      ['error', { reason: problem }, 'certificates refused; the server keeps those that it has'],
    ]);
  });

  it('are told once when they come to their end, long before it and shortly before it', async () => {
    await start();
    const at = async (hours: number): Promise<readonly string[]> => {
      nowMs = BEGIN_MS + hours * HOUR_MS;
      log.lines.length = 0;
      await vi.advanceTimersByTimeAsync(180_000);
      return said();
    };
    expect(await at(6)).toEqual([]);
    expect(await at(7.5)).toEqual(['warn: certificate expires soon, and nobody has renewed it']);
    expect(await at(8)).toEqual([]);
    expect(await at(9.5)).toEqual(['error: certificate is about to expire']);
    expect(await at(11)).toEqual(['error: certificate has expired']);
  });

  it('end what belongs to clients whose own certificate has ended, or was revoked', async () => {
    const out = await pki.client('out');
    const list = pki.write('crl.pem', await pki.authority.revoke([], BEGIN_MS, BEGIN_MS + 20 * HOUR_MS));
    await start({ clientCrl: list });
    clients = [
      { spiffeId: 'out', serialNumber: out.serialNumber, notAfterMs: BEGIN_MS + 9 * HOUR_MS },
      { spiffeId: 'short', serialNumber: 'abc', notAfterMs: BEGIN_MS + HOUR_MS },
      { spiffeId: 'stays', serialNumber: 'def', notAfterMs: BEGIN_MS + 9 * HOUR_MS },
    ];
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ended).toEqual([]);
    nowMs = BEGIN_MS + HOUR_MS;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ended.splice(0)).toEqual(['short: the client certificate has expired']);
    clients = clients.filter(({ spiffeId }) => spiffeId !== 'short');
    writeFileSync(list, await pki.authority.revoke([out.serialNumber], BEGIN_MS, BEGIN_MS + 20 * HOUR_MS));
    await vi.advanceTimersByTimeAsync(3000);
    await vi.waitFor(() => expect(ended).toEqual(['out: the client certificate is revoked']));
  });

  it('count every client that is not let in, and write some of them down', async () => {
    const own = await start();
    for (let at = 0; at < 100; at += 1) own.handshakeFailed('xds', { reason: 'Expired', code: 'CERT_HAS_EXPIRED' });
    own.handshakeFailed('admin', { reason: undefined, code: 'ECONNRESET' });
    expect(counts).toHaveLength(100);
    expect(said().filter((line) => line === 'warn: client refused in the TLS handshake')).toHaveLength(10);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(log.lines.at(-1)?.[1]).toEqual({ clients: 90 });
  });
});
