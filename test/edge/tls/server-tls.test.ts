import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkServerTls, readTlsFiles, type ServerTls, type TlsFiles } from '../../../src/edge/tls/index.ts';
import { Pki } from '../../support/pki.ts';

const HOUR_MS = 3_600_000;
let pki: Pki;
let files: TlsFiles;

beforeAll(async () => {
  pki = await Pki.create();
  files = await pki.serverFiles();
});

afterAll(() => pki.dispose());

async function check(over: Partial<TlsFiles>, nowMs = Date.now()): Promise<readonly string[] | ServerTls> {
  const all = { ...files, ...over };
  const read = readTlsFiles(all);
  const result = read.ok ? await checkServerTls(all, read.value, nowMs) : read;
  return result.ok ? result.value : result.issues.map(({ message }) => message);
}

describe('the TLS files of a server', () => {
  it('are taken when they belong together, and say when they end', async () => {
    const tls = (await check({})) as ServerTls;
    expect(tls.validities.map(({ role, file }) => [role, file])).toEqual([
      ['server', files.cert],
      ['client_ca', files.clientCa],
    ]);
    const [server] = tls.validities;
    expect(Math.abs((server?.notAfterMs ?? 0) - Date.now() - HOUR_MS)).toBeLessThan(10_000);
    expect([...tls.revoked]).toEqual([]);
  });

  it('may have a revocation list, whose serial numbers are those of certificates', async () => {
    const out = await pki.client('out');
    const clientCrl = pki.write('crl.pem', await pki.authority.revoke([out.serialNumber], Date.now()));
    const tls = (await check({ clientCrl })) as ServerTls;
    expect([...tls.revoked]).toEqual([out.serialNumber]);
    expect(tls.validities.at(-1)).toMatchObject({ role: 'client_crl', file: clientCrl });
  });

  it('may bring several authorities, of which an old one may have expired', async () => {
    const other = await Pki.create('other');
    const clientCa = pki.write('two.crt', `${pki.authority.cert}\nsome words between\n${other.authority.cert}`);
    expect(await check({ clientCa })).toMatchObject({ validities: expect.any(Array) });
    other.dispose();
  });

  it('are refused with the file and the reason', async () => {
    const other = await pki.issue();
    const otherKey = pki.write('other.key', other.key);
    const old = await pki.serverFilesOf('old', {
      notBeforeMs: Date.now() - 3 * HOUR_MS,
      notAfterMs: Date.now() - HOUR_MS,
    });
    const early = await pki.serverFilesOf('early', {
      notBeforeMs: Date.now() + HOUR_MS,
      notAfterMs: Date.now() + 2 * HOUR_MS,
    });
    const junk = pki.write('junk.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    const folder = join(pki.folder, 'folder');
    mkdirSync(folder);
    const endedList = pki.write(
      'ended.pem',
      await pki.authority.revoke([], Date.now() - 2 * HOUR_MS, Date.now() - HOUR_MS),
    );
    const cases: readonly (readonly [Partial<TlsFiles>, string])[] = [
      [{ cert: join(pki.folder, 'none') }, `${join(pki.folder, 'none')} cannot be read: ENOENT`],
      [{ key: folder }, `${folder} cannot be read: it is no file`],
      [{ cert: files.key }, `${files.key} holds no certificate in PEM`],
      [{ cert: junk }, `${junk} holds no certificate in PEM`],
      [{ key: files.cert }, `${files.cert} holds no private key in PEM, or an encrypted one`],
      [{ key: otherKey }, `the key ${otherKey} is not that of the certificate ${files.cert}`],
      [{ clientCa: files.cert }, `${files.cert} holds no certificate of an authority in PEM`],
      [old, `${old.cert} has expired`],
      [early, `${early.cert} is not valid before`],
      [{ clientCrl: files.cert }, `${files.cert} holds no certificate revocation list in PEM`],
      [{ clientCrl: endedList }, `${endedList} has expired`],
    ];
    for (const [over, words] of cases) expect(await check(over), words).toEqual([expect.stringContaining(words)]);
  });

  it('never quotes what is in them, least of all a key', async () => {
    const canary = 'C4NARYxxSECRETxxC4NARY';
    const broken = pki.write('canary.key', `-----BEGIN PRIVATE KEY-----\n${canary}\n-----END PRIVATE KEY-----\n`);
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: canary },
    });
    const encrypted = pki.write('encrypted.key', privateKey);
    for (const over of [
      { key: broken },
      { key: encrypted },
      { cert: broken },
      { clientCa: broken },
      { clientCrl: broken },
    ]) {
      const said = JSON.stringify(await check(over));
      expect(said).toContain('holds no');
      expect(said).not.toContain(canary);
      expect(said).not.toContain(privateKey.split('\n')[1]);
    }
  });
});
