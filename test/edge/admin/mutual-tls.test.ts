import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Peer } from '../../../src/core/access/index.ts';
import {
  type AdminServer,
  connectObserve,
  connectOperations,
  createAdminServer,
} from '../../../src/edge/admin/index.ts';
import { buildExplainView, buildServerView } from '../../../src/edge/observe/index.ts';
import type { ClientTlsFiles, HandshakeReason } from '../../../src/edge/tls/index.ts';
import { Pki } from '../../support/pki.ts';
import { until } from '../../support/serve.ts';
import { viewInput } from '../observe/a-view.ts';
import { FakeLog } from '../observe/fake-log.ts';

const PROBE = { service: 'chat', pool: 'gpu', address: '10.0.0.1:8000', stepRatio: 0.05, holdMs: 5000, reason: 'test' };

let pki: Pki;
let stranger: Pki;
let server: AdminServer;
let failures: (HandshakeReason | undefined)[];
let callers: Peer[];
let authorizations: (readonly string[])[];

beforeAll(async () => {
  [pki, stranger] = await Promise.all([Pki.create(), Pki.create('stranger')]);
});

afterAll(() => {
  pki.dispose();
  stranger.dispose();
});

beforeEach(async () => {
  failures = [];
  callers = [];
  authorizations = [];
  server = await serve(true);
});

afterEach(() => server.stop());

async function serve(tls: boolean): Promise<AdminServer> {
  return createAdminServer({
    address: '127.0.0.1:0',
    observe: {
      status: () => buildServerView(viewInput(0)),
      explain: (target) => buildExplainView(viewInput(0), target),
      proxyConfig: () => ({ ok: false, issues: [] }),
    },
    operations: {
      probe: (_request, _tell, caller) => {
        callers.push(caller);
        return { ok: false, issues: [{ code: 'Refused', path: '', message: 'not now' }] };
      },
    },
    access: {
      recognise: (peer, authorization) => {
        if (authorization.length > 0) authorizations.push(authorization);
        return { ok: true, peer };
      },
      may: () => true,
      services: () => [],
      servicesOfGroup: () => [],
      groupOfNode: () => undefined,
      refused: () => {},
    },
    tls: tls ? await pki.material() : undefined,
    handshakeFailed: ({ reason }) => failures.push(reason),
    log: new FakeLog(),
  });
}

async function status(tls?: ClientTlsFiles): Promise<string> {
  const client = connectObserve(server.address, { tls, deadlineMs: 5000 });
  try {
    return (await client.status()).version;
  } finally {
    client.close();
  }
}

async function probe(tls?: ClientTlsFiles): Promise<void> {
  const client = connectOperations(server.address, { tls });
  await client.probe(PROBE, () => {});
  client.close();
}

describe('the admin API with mutual TLS', () => {
  it('answers a client with a certificate, by address, by name and by SPIFFE ID', async () => {
    const admin = await pki.clientFiles('admin');
    expect(await status(admin)).toBe('1.2.3');
    expect(await status({ ...admin, serverName: 'localhost' })).toBe('1.2.3');
    expect(await status({ ...admin, serverName: 'spiffe://mesh.test/loadline' })).toBe('1.2.3');
  });

  it('is not believed by a client that wants another server', async () => {
    const admin = await pki.clientFiles('admin');
    for (const serverName of ['other.example', '10.0.0.1', 'spiffe://mesh.test/other'])
      await expect(status({ ...admin, serverName }), serverName).rejects.toMatchObject({ code: 'LOADLINE_ADMIN' });
    const ca = stranger.write('ca.crt', stranger.authority.cert);
    await expect(status({ ...admin, ca })).rejects.toMatchObject({ code: 'LOADLINE_ADMIN' });
  });

  it('refuses plaintext and strangers, and its words name the flags', async () => {
    await expect(status()).rejects.toThrow(/--tls-ca, --tls-cert and --tls-key/);
    await until('plaintext is told', () => failures.includes('Protocol'));
    const foreign = await stranger.clientFiles('admin');
    await expect(status({ ...foreign, ca: pki.write('ca.crt', pki.authority.cert) })).rejects.toMatchObject({
      code: 'LOADLINE_ADMIN',
    });
    await until('the stranger is told', () => failures.includes('UnknownIssuer'));
  });

  it('tells its handlers who calls', async () => {
    await probe(await pki.clientFiles('admin'));
    await probe(await pki.clientFiles('sre/ada'));
    expect(callers).toEqual([
      { kind: 'Certificate', spiffeId: 'spiffe://mesh.test/admin' },
      { kind: 'Certificate', spiffeId: 'spiffe://mesh.test/sre/ada' },
    ]);
  });

  it('is sent the token of a file, anew with each call, and an error holds nothing of it', async () => {
    const tokenFile = pki.write('token', 'one\n');
    const tls = { ...(await pki.clientFiles('admin')), tokenFile };
    await probe(tls);
    pki.write('token', 'two');
    await probe(tls);
    expect(authorizations).toEqual([['Bearer one'], ['Bearer two']]);
    pki.write('token', 'secret words');
    const failed = status(tls);
    await expect(failed).rejects.toThrow(/the token file \S+ holds no token/);
    await expect(failed).rejects.not.toThrow('secret');
    await expect(status({ ...tls, tokenFile: `${tokenFile}.none` })).rejects.toThrow(/cannot be read \(ENOENT\)/);
    expect(authorizations).toHaveLength(2);
  });

  it('takes a certificate without a SPIFFE ID for a caller without a name, never for a local one', async () => {
    const { cert, key } = await pki.issue({ names: ['ada.mesh.test'] });
    const admin = await pki.clientFiles('admin');
    await probe({ ...admin, cert: pki.write('ada.crt', cert), key: pki.write('ada.key', key) });
    expect(callers).toEqual([{ kind: 'Certificate', spiffeId: undefined }]);
  });

  it('takes other certificates without ending what is connected', async () => {
    const admin = await pki.clientFiles('admin');
    const client = connectObserve(server.address, { tls: admin });
    await client.status();
    for (let round = 0; round < 10; round += 1) {
      const next = await pki.material();
      server.renewTls(next);
      expect((await client.status()).version).toBe('1.2.3');
      expect(await status(admin)).toBe('1.2.3');
    }
    server.renewTls({ ...(await stranger.material()), ca: stranger.authority.cert });
    expect((await client.status()).version).toBe('1.2.3');
    await expect(status(admin)).rejects.toMatchObject({ code: 'LOADLINE_ADMIN' });
    client.close();
  });

  it('says what is wrong with the files of a client, and nothing of what is in them', async () => {
    const admin = await pki.clientFiles('admin');
    const other = await pki.clientFiles('other');
    const canary = 'C4NARYxxSECRETxxC4NARY';
    const broken = pki.write('broken.key', `-----BEGIN PRIVATE KEY-----\n${canary}\n-----END PRIVATE KEY-----\n`);
    await expect(status({ ...admin, key: `${pki.folder}/none` })).rejects.toThrow(/none cannot be read: ENOENT/);
    await expect(status({ ...admin, key: other.key })).rejects.toThrow(/is not that of the certificate/);
    const error = await status({ ...admin, key: broken }).catch((one: Error) => one);
    expect(error).toMatchObject({ code: 'LOADLINE_CONFIG' });
    expect(`${(error as Error).stack} ${JSON.stringify(error)} ${(error as Error).cause}`).not.toContain(canary);
  });
});

describe('in plaintext', () => {
  it('callers are somebody on this machine', async () => {
    await server.stop();
    server = await serve(false);
    await probe();
    expect(callers).toEqual([{ kind: 'Development' }]);
  });
});
