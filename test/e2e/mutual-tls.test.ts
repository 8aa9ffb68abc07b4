import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bootstrap, secretFiles } from '../../src/core/resources/index.ts';
import { type EnvoyProcess, findEnvoy, startEnvoy } from '../../src/edge/envoy/index.ts';
import { writeDevelopmentCertificates } from '../../src/edge/tls/index.ts';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { CommandProcess } from '../support/command-process.ts';
import { freePort } from '../support/free-port.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { startLoad } from '../support/load.ts';
import { loadline } from '../support/loadline.ts';
import { Serve, until } from '../support/serve.ts';

const IDENTITIES = '  identities: ["spiffe://mesh.test/sidecar/*"]\n';

const ROTATIONS = process.env.LOADLINE_TEST_LONG === '1' ? 100 : 5;

const ACCESS = `apiVersion: loadline.dev/v1alpha1
kind: AccessPolicy
metadata: { name: main }
spec:
  bindings:
    - { role: Viewer, services: ["*"], identities: [spiffe://mesh.test/admin] }
`;

/** A real Envoy, `loadline serve` and the command line, with the certificates of `loadline certs dev`. */
describe('mutual TLS from end to end', () => {
  const folder = mkdtempSync(join(tmpdir(), 'loadline-mtls-'));
  const certs = join(folder, 'certs');
  const file = (name: string): string => join(certs, name);
  const admin = ['--tls-ca', file('ca.crt'), '--tls-cert', file('admin.crt'), '--tls-key', file('admin.key')];
  let models: ModelServers;
  let serve: Serve;
  let envoy: EnvoyProcess;
  let port: number;
  let keys = '';

  beforeAll(async () => {
    await issue(false);
    const access = join(folder, 'access.yaml');
    writeFileSync(access, ACCESS);
    models = await startModelServers({ count: 2, firstPort: 0 });
    serve = await new Serve(
      labPolicy(models.servers, { group: IDENTITIES }),
      [],
      [
        '--access',
        access,
        '--tls-cert',
        file('server.crt'),
        '--tls-key',
        file('server.key'),
        '--tls-client-ca',
        file('ca.crt'),
      ],
    ).start();
    port = await freePort();
    envoy = await startEnvoy({ binary: await findEnvoy(), bootstrap: sidecar('lab'), concurrency: 1 });
    await envoy.ready(20_000);
  });

  afterAll(async () => {
    await envoy?.stop();
    await serve?.dispose();
    await models?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function issue(force: boolean): Promise<void> {
    await writeDevelopmentCertificates({
      folder: certs,
      trustDomain: 'mesh.test',
      hosts: [],
      sidecars: ['lab'],
      days: 1,
      force,
      nowMs: Date.now(),
    });
    for (const name of ['ca', 'server', 'sidecar-lab', 'admin']) keys += readFileSync(file(`${name}.key`), 'utf8');
  }

  function sidecar(group: string, fallback?: string): ReturnType<typeof bootstrap> {
    const tls = {
      ca: file('ca.crt'),
      cert: file('sidecar-lab.crt'),
      key: file('sidecar-lab.key'),
      sdsFolder: folder,
    };
    for (const [name, secret] of Object.entries(secretFiles(tls)))
      writeFileSync(join(folder, name), JSON.stringify(secret));
    return bootstrap({
      nodeId: 'a',
      group,
      xds: [serve.xds],
      listeners: { models: `127.0.0.1:${port}` },
      tls,
      ...(fallback === undefined ? {} : { fallback }),
    });
  }

  it('an Envoy gets its clusters, and its requests reach the servers', async () => {
    expect(Object.keys(await envoy.clusters())).toContain('chat');
    const load = startLoad([{ port }], { perSec: 20, seconds: 1 });
    await load.done;
    expect(load.failures()).toEqual([]);
    expect(serve.log).toContain('"security":"mutual TLS"');
  });

  it('the command line asks with a certificate, and not without', async () => {
    const asked = await loadline('status', '--admin', serve.admin, ...admin);
    expect(asked).toMatchObject({ code: 0, stderr: '' });
    expect(asked.stdout).toMatch(/^a +lab +1\.\d+\.\d+ .*SYNCED/m);
    const stranger = await loadline('status', '--admin', serve.admin);
    expect(stranger.code).toBe(1);
    expect(stranger.stderr).toContain('--tls-ca, --tls-cert and --tls-key');
  });

  it('nobody says over HTTP that a machine goes away who has no good token', async () => {
    const [server] = models.servers;
    const give = (headers: Readonly<Record<string, string>>) =>
      fetch(`http://${serve.http}/api/notices`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ address: `127.0.0.1:${server?.port}`, deadline: '2m' }),
      });
    for (const headers of [{}, { authorization: 'Bearer e30.e30.e30' }, { authorization: 'Basic YTpi' }]) {
      const answer = await give(headers);
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    }
    expect((await serve.state()).services[0]?.pools[0]?.endpoints.map(({ state }) => state)).not.toContain('Draining');
  });

  it('a fallback goes by the bootstrap of its Envoy, certificate and all, and keeps no secret', async () => {
    const path = join(folder, 'envoy.json');
    const kept = join(folder, 'kept.json');
    writeFileSync(path, JSON.stringify(sidecar('lab', `unix:${join(folder, 'fallback.sock')}`)));
    const fallback = new CommandProcess('fallback', ['--bootstrap', path, '--keep', kept]);
    try {
      await until('it has everything', () => fallback.log.includes('"snapshot kept"'));
      expect(fallback.log).toContain('"server is here"');
      const asked = await loadline('status', '--admin', serve.admin, ...admin);
      expect(asked.stdout).toMatch(/^a\/fallback +lab .*SYNCED/m);
      expect(readFileSync(kept, 'utf8')).not.toMatch(/PRIVATE KEY|CERTIFICATE/);
    } finally {
      expect(await fallback.end('SIGTERM')).toBe(0);
    }
  });

  it('everything is renewed, authority and all: the stream goes on, and a connection made later uses it', async () => {
    const streams = async (): Promise<number> => serve.metric('loadline_xds_streams', { kind: 'ads' });
    const connected = (): number => serve.log.split('"sidecar connected"').length - 1;
    const before = connected();
    const load = startLoad([{ port }], { perSec: 20, seconds: 6 });
    await issue(true);
    await until('the server has them', () => serve.log.includes('"certificates renewed"'));
    serve.write(labPolicy(models.servers, { group: IDENTITIES, service: '  circuitBreakers: { maxRequests: 77 }\n' }));
    await until('a push over the stream of before', async () =>
      Object.values(await envoy.runtime()).some((value) => value === '77'),
    );
    expect(await streams()).toBe(1);
    expect(connected()).toBe(before);
    await serve.end('SIGTERM');
    await serve.start();
    // The old certificates would not be believed any more, neither side's.
    await until('envoy is back', async () => (await streams()) === 1);
    await load.done;
    expect(load.failures()).toEqual([]);
    expect((await loadline('status', '--admin', serve.admin, ...admin)).stdout).toMatch(/^a +lab .*SYNCED/m);
  });

  it(`certificates are renewed ${ROTATIONS} times under load without a reset stream`, async () => {
    const renewed = (): number => serve.log.split('"certificates renewed"').length - 1;
    const connected = (): number => serve.log.split('"sidecar connected"').length - 1;
    const before = { renewed: renewed(), connected: connected(), resets: await resets(envoy) };
    const load = startLoad([{ port }], { perSec: 20, seconds: 600, outputTokens: 4 });
    for (let turn = 1; turn <= ROTATIONS; turn += 1) {
      await issue(true);
      await until(`renewal ${turn}`, () => renewed() >= before.renewed + turn, 20_000);
    }
    serve.write(labPolicy(models.servers, { group: IDENTITIES, service: '  circuitBreakers: { maxRequests: 78 }\n' }));
    await until('a push over the stream of before', async () =>
      Object.values(await envoy.runtime()).some((value) => value === '78'),
    );
    expect(load.outcomes.length).toBeGreaterThan(ROTATIONS);
    expect(load.failures()).toEqual([]);
    load.stop();
    expect(connected()).toBe(before.connected);
    expect(await resets(envoy)).toEqual(before.resets);
    console.log(`${renewed() - before.renewed} renewals, ${load.outcomes.length} requests, no stream was reset`);
  }, 600_000);

  it('an Envoy that claims a group that is not its own gets nothing, and both logs say why', async () => {
    const own = port;
    port = await freePort();
    const spoof = await startEnvoy({ binary: await findEnvoy(), bootstrap: sidecar('other'), concurrency: 1 });
    try {
      await until('the server says no', () => serve.log.includes('"sidecar refused"'));
      expect(serve.log).toContain("spiffe://mesh.test/sidecar/lab may not join 'other'");
      expect(Object.keys(await spoof.clusters())).not.toContain('chat');
    } finally {
      await spoof.stop();
      port = own;
    }
  });

  it('no key is in the log, the metrics or the state', async () => {
    const lines = keys.split('\n').filter((line) => line.length > 20 && !line.startsWith('-----'));
    expect(lines.length).toBeGreaterThan(10);
    const pages = await Promise.all(
      ['/metrics', '/api/state', '/api/events'].map(async (path) => (await serve.get(path)).text()),
    );
    const everything = [serve.log, ...pages].join('\n');
    expect(lines.filter((line) => everything.includes(line))).toEqual([]);
    expect(everything).not.toContain('PRIVATE KEY');
  });
});

/** How often its stream to Loadline ended, or one of its requests was reset. */
async function resets(envoy: EnvoyProcess): Promise<Readonly<Record<string, number>>> {
  const stats = await envoy.stats(
    'cluster.(loadline|chat).*(rx_reset|upstream_rq_rx_reset|upstream_cx_destroy_with_active)',
  );
  return Object.fromEntries(Object.entries(stats).filter(([name]) => !name.includes('chat.upstream_cx')));
}
