import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeDevelopmentCertificates } from '../../src/edge/tls/index.ts';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { run as inProcess } from '../cli/run.ts';
import { TestIssuer } from '../edge/access/issuer.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { Serve, sleep } from '../support/serve.ts';

const IN_URL = 'CANARY0url0query0secret';
const IN_REASON = 'CANARY0reason0bearer0secret';

/** A word that must not come out again stands in every secret that the server, or a person, is given. */
describe('secrets', () => {
  const folder = mkdtempSync(join(tmpdir(), 'loadline-secrets-'));
  const file = (name: string): string => join(folder, name);
  let issuer: TestIssuer;
  let models: ModelServers;
  let serve: Serve;
  let client: readonly string[];
  /** What must not be seen, by what it is. */
  const canaries = new Map<string, string>();
  /** Everything that came out, by where. */
  const outputs = new Map<string, string>();

  const run = async (...args: readonly string[]): Promise<number | null> => {
    const { code, out, err } = await inProcess(...args, '--admin', serve.admin, ...client);
    outputs.set(`loadline ${args.join(' ')}`, out + err);
    return code;
  };

  beforeAll(async () => {
    issuer = await TestIssuer.start();
    await writeDevelopmentCertificates({
      folder: file('certs'),
      trustDomain: 'mesh.test',
      hosts: [],
      sidecars: ['lab'],
      days: 1,
      force: false,
      nowMs: Date.now(),
    });
    for (const name of ['ca', 'server', 'sidecar-lab', 'admin']) {
      const lines = readFileSync(file(`certs/${name}.key`), 'utf8').split('\n');
      canaries.set(`key of ${name}`, lines.find((line) => line.length > 40 && !line.startsWith('-')) as string);
    }
    const token = await issuer.token({ note: 'CANARY0claim' });
    const [, claims, signature] = token.split('.') as [string, string, string];
    canaries.set('claims of the token', claims).set('signature of the token', signature);
    canaries.set('query of a URL', IN_URL).set('bearer in a reason', IN_REASON);
    writeFileSync(file('token'), token);
    writeFileSync(
      file('access.yaml'),
      `apiVersion: loadline.dev/v1alpha1
kind: AccessPolicy
metadata: { name: main }
spec:
  issuers:
    - name: corp
      issuer: https://login.example
      audiences: [loadline]
      keys: { url: "${issuer.url}?token=${IN_URL}" }
  bindings:
    - { role: Admin, services: ["*"], tokens: [{ issuer: corp, subject: alice@example.com }] }
`,
    );
    models = await startModelServers({ count: 2, firstPort: 0 });
    const cert = (name: string): string => file(`certs/${name}`);
    serve = await new Serve(
      undefined,
      ['--log-level', 'trace'],
      [
        ...['--access', file('access.yaml'), '--tls-cert', cert('server.crt'), '--tls-key', cert('server.key')],
        ...['--tls-client-ca', cert('ca.crt')],
      ],
    ).start();
    client = [
      ...['--tls-ca', cert('ca.crt'), '--tls-cert', cert('admin.crt'), '--tls-key', cert('admin.key')],
      ...['--token-file', file('token')],
    ];
  }, 60_000);

  afterAll(async () => {
    await serve?.dispose();
    await models?.stop();
    await issuer?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('are given, used, and refused', async () => {
    // Nobody answers there: the failure is told, and the URL with it.
    const url = `http://127.0.0.1:9/?token=${IN_URL}`;
    const good = labPolicy(models.servers, { group: '  identities: ["spiffe://mesh.test/sidecar/*"]\n' }).replace(
      'engine: { path: /metrics, interval: 1s }',
      `engine: { prometheus: { url: "${url}" }, interval: 1s }`,
    );
    writeFileSync(file('lab.yaml'), good);
    expect(await run('apply', '-f', file('lab.yaml'), '--reason', `with Bearer ${IN_REASON}`)).toBe(0);
    writeFileSync(
      file('next.yaml'),
      good.replace(IN_URL, `${IN_URL}2`).replace('hostnames: ["*"]', 'hostnames: [chat]'),
    );
    expect(await run('diff', '-f', file('next.yaml'))).toBe(1);
    writeFileSync(file('bad.yaml'), good.replace('hostnames: ["*"]', 'hostname: ["*"]'));
    expect(await run('apply', '-f', file('bad.yaml'))).toBe(1);
    writeFileSync(file('bad-url.yaml'), good.replace(`"${url}"`, `"ftp://u:${IN_URL}@h/?token=${IN_URL}"`));
    expect(await run('apply', '-f', file('bad-url.yaml'))).toBe(1);
    expect(await run('status')).toBe(0);
    expect(await run('explain', 'chat')).toBe(0);
    expect(await run('history')).toBe(0);
    expect(await run('freeze', 'chat', '--for', '1m', '--reason', `with Bearer ${IN_REASON}`)).toBe(0);
    expect(await run('operations', 'list')).toBe(0);
    expect(await run('rollout', 'status')).toBe(0);
    writeFileSync(file('token'), `${readFileSync(file('token'), 'utf8')}x`);
    expect(await run('status')).toBe(1);
    await sleep(2500);
    for (const path of ['/metrics', '/api/state', '/api/events', '/api/explain/chat'])
      outputs.set(path, await (await serve.get(path)).text());
    const audit = await inProcess('audit', 'list', '--data', join(serve.data, 'data'), '--output', 'json');
    outputs.set('loadline audit list', audit.out + audit.err);
    expect(audit.out).toContain('alice@example.com');
    expect(await serve.end('SIGTERM')).toBe(0);
    outputs.set('log', serve.log);
    expect(outputs.get('log')).toContain('127.0.0.1:9');
    expect(outputs.get('/api/events')).toContain('PolicyLoaded');
  }, 120_000);

  it('are in nothing that came out', () => {
    expect(outputs.size).toBeGreaterThan(15);
    const found = [...outputs].flatMap(([where, text]) =>
      [...canaries].flatMap(([what, canary]) => (text.includes(canary) ? [`${what}: ${where}`] : [])),
    );
    expect(found).toEqual([]);
  });

  it('are in no file of the server, but what stands in the text of a policy in the store and the last good policy', () => {
    const files = readdirSync(serve.data, { recursive: true, encoding: 'utf8' })
      .map((name) => join(serve.data, name))
      .filter((path) => statSync(path).isFile());
    expect(files.length).toBeGreaterThan(1);
    const found = files.flatMap((path) =>
      [...canaries].flatMap(([what, canary]) =>
        what !== 'query of a URL' && readFileSync(path).includes(canary) ? [`${what}: ${path}`] : [],
      ),
    );
    expect(found).toEqual([]);
    for (const path of files) expect(statSync(path).mode & 0o077, path).toBe(0);
  });
});
