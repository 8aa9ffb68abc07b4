import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Pair } from '../../../src/edge/tls/certificate-authority.ts';
import { readTlsFiles, type TlsFiles, TlsWatch } from '../../../src/edge/tls/index.ts';
import { Pki } from '../../support/pki.ts';

let pki: Pki;
let files: TlsFiles;
let told: string[];
let watch: TlsWatch;

beforeAll(async () => {
  pki = await Pki.create();
});

afterAll(() => pki.dispose());

beforeEach(async () => {
  files = await pki.serverFiles();
  begin();
});

function begin(): void {
  told = [];
  const first = readTlsFiles(files);
  if (!first.ok) throw new Error('the first files cannot be read');
  watch = new TlsWatch(files, first.value, {
    changed: ({ material }) => told.push(material.cert),
    refused: (issues) => told.push(`refused: ${issues.map(({ message }) => message).join('; ')}`),
  });
}

async function polls(times: number): Promise<void> {
  for (let at = 0; at < times; at += 1) await watch.poll();
}

function write({ cert, key }: Pick<Pair, 'cert' | 'key'>): void {
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
}

describe('watching certificate files', () => {
  it('says nothing while they stay, and tells others once', async () => {
    await polls(5);
    expect(told).toEqual([]);
    const next = await pki.issue();
    write(next);
    await polls(5);
    expect(told).toEqual([next.cert]);
  });

  it('waits for the key when the certificate was written first', async () => {
    const next = await pki.issue();
    writeFileSync(files.cert, next.cert);
    await polls(1);
    writeFileSync(files.key, next.key);
    await polls(3);
    expect(told).toEqual([next.cert]);
  });

  it('refuses a pair that does not belong together, once, and takes it when the key comes at last', async () => {
    const next = await pki.issue();
    writeFileSync(files.cert, next.cert);
    await polls(10);
    expect(told).toEqual([`refused: the key ${files.key} is not that of the certificate ${files.cert}`]);
    writeFileSync(files.key, next.key);
    await polls(3);
    expect(told.slice(1)).toEqual([next.cert]);
  });

  it('tells that the files are as before when a bad change is taken back', async () => {
    const before = readTlsFiles(files);
    rmSync(files.key);
    await polls(3);
    expect(told).toEqual([`refused: ${files.key} cannot be read: ENOENT`]);
    writeFileSync(files.key, before.ok ? before.value.key : '');
    await polls(3);
    expect(told.slice(1)).toEqual(['refused: ']);
  });

  it('follows the symbolic links of a Kubernetes secret through their swap', async () => {
    const volume = join(pki.folder, 'volume');
    const put = (version: string, { cert, key }: Pick<Pair, 'cert' | 'key'>): void => {
      mkdirSync(join(volume, version), { recursive: true });
      writeFileSync(join(volume, version, 'tls.crt'), cert);
      writeFileSync(join(volume, version, 'tls.key'), key);
      symlinkSync(version, join(volume, '..data_tmp'));
      renameSync(join(volume, '..data_tmp'), join(volume, '..data'));
    };
    put('..1', await pki.issue());
    for (const name of ['tls.crt', 'tls.key']) symlinkSync(join('..data', name), join(volume, name));
    files = { ...files, cert: join(volume, 'tls.crt'), key: join(volume, 'tls.key') };
    begin();
    for (let version = 2; version < 5; version += 1) {
      const next = await pki.issue();
      put(`..${version}`, next);
      await polls(3);
      expect(told.splice(0)).toEqual([next.cert]);
    }
  });

  it('takes a certificate that is not valid yet when its time has come', async () => {
    const atMs = Date.now() + 60_000;
    let nowMs = Date.now();
    const first = readTlsFiles(files);
    if (!first.ok) throw new Error('the first files cannot be read');
    const listener = {
      changed: () => told.push('changed'),
      refused: () => told.push('refused'),
    };
    watch = new TlsWatch(files, first.value, listener, () => nowMs);
    write(await pki.issue({ notBeforeMs: atMs }));
    await polls(5);
    expect(told).toEqual(['refused']);
    nowMs = atMs + 1000;
    await polls(2);
    expect(told).toEqual(['refused', 'changed']);
  });
});
